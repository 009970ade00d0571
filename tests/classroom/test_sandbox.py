"""The sandbox's parts: folders that are left, storage without a name, refused calls."""

import os
import struct
import subprocess
import sys

import nbformat
import pytest
from conftest import acting, answered, grade_all, make_course
from nbconvert import HTMLExporter
from nbgrader.server_extensions.formgrader import handlers

from cnnlab.classroom import folders, sandbox, storage, syscalls
from cnnlab.classroom.errors import CourseError
from cnnlab.classroom.harmless import CUT, MOST, make_harmless


@pytest.fixture
def dead():
    """The number of a process that is no more."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_only_folders_of_dead_graders_are_removed(tmp_path, monkeypatch, dead):
    monkeypatch.setattr(folders, "PLACE", tmp_path)
    left, kept = tmp_path / f"cnnlab-{dead}-x", tmp_path / f"cnnlab-{os.getpid()}-x"
    other, link = tmp_path / "cnnlab-data", tmp_path / f"cnnlab-{dead}-link"
    for path in (left / "a", kept, other):
        path.mkdir(parents=True)
    (left / "a").chmod(0)
    link.symlink_to(other)
    folders.remove_leftovers({os.geteuid() + 1})
    assert left.exists()
    folders.remove_leftovers({os.geteuid()})
    assert set(tmp_path.iterdir()) == {kept, other, link}


def test_a_temporary_folder_names_its_process_and_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "PLACE", tmp_path)
    with folders.temporary() as folder:
        assert folders.NAME.fullmatch(folder.name)[1] == str(os.getpid())
    assert not folder.exists()


HOLDING = {
    "nothing": "",
    "an open file": "file = open('x', 'wb+'); file.write(bytes(3_000_000)); "
    "file.flush(); os.remove('x')",
    "a mapped file": "file = open('x', 'wb+'); file.write(bytes(3_000_000)); "
    "file.flush(); os.remove('x'); kept = mmap.mmap(file.fileno(), 0); file.close()",
    "shared memory": "kept = mmap.mmap(-1, 3_000_000)",
    "many open files": "kept = [open(os.devnull) for _ in range(99)]",
}


@pytest.mark.parametrize("what", HOLDING)
def test_what_has_no_name_is_found_through_its_holder(tmp_path, what):
    code = f"import mmap, os; {HOLDING[what]}\nprint('ready', flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        process.stdout.readline()
        limits = sandbox.Limits(folder_megabytes=2, open_files=50)
        held = storage.overfull(tmp_path, [process.pid, 2**22 + 1], limits)
        process.kill()
    assert held == (what != "nothing")


def decide(content, machine, call):
    """Runs a filter on one call, as the kernel does."""
    steps, at, value = list(struct.iter_unpack("=HBBI", content)), 0, None
    while True:
        code, if_true, if_false, operand = steps[at]
        if code == syscalls.RETURN:
            return operand
        if code == syscalls.LOAD:
            value = {4: machine, 0: call}[operand]
            at += 1
        else:
            tests = {syscalls.EQUAL: value == operand}
            true = tests.get(code, value >= operand)
            at += 1 + (if_true if true else if_false)


@pytest.mark.parametrize("name", syscalls.REFUSED)
def test_the_filter_refuses_its_calls_and_no_other(name):
    content, machine = syscalls.program(name), syscalls.MACHINE[name]
    for call in range(500):
        refused = call in syscalls.REFUSED[name]
        wanted = syscalls.REFUSE if refused else syscalls.ALLOW
        assert decide(content, machine, call) == wanted
    assert decide(content, machine, syscalls.OTHER_ABI + 1) == syscalls.REFUSE
    assert decide(content, machine + 1, 1) == syscalls.REFUSE


def test_without_a_known_processor_there_is_no_filter(monkeypatch):
    monkeypatch.setattr(syscalls.platform, "machine", lambda: "abacus")
    with syscalls.opened() as filters:
        assert filters == ()
        assert sandbox.trouble() is None


def test_a_sandbox_that_does_not_start_is_explained(monkeypatch):
    monkeypatch.setattr(sandbox, "ISOLATED", ["--no-such-option"])
    assert "no-such-option" in sandbox.trouble()
    assert "user namespaces" in sandbox.trouble()


def test_a_course_that_the_sandbox_would_show_is_not_graded(tmp_path, monkeypatch):
    course = make_course(tmp_path / "course")
    monkeypatch.setattr(sandbox, "PYTHON", (*sandbox.PYTHON, str(tmp_path)))
    with pytest.raises(CourseError, match="must not lie inside"):
        grade_all(course, ["ann"])


BAD = "<script>alert(1)</script><img src=x onerror=alert(1)>"


def test_the_page_that_may_change_marks_shows_nothing_that_acts(course):
    notebook = answered(course, {"explain": BAD, "answer-double": f"print('{BAD}')"})
    notebook.cells.append(nbformat.v4.new_markdown_cell(BAD))
    exporter = HTMLExporter(
        config=course.config,
        template_name="formgrade",
        extra_template_basedirs=[handlers.template_path],
    )
    resources = {"base_url": "", "index": 0, "total": 1, "submission_id": "1"}
    page = exporter.from_notebook_node(notebook, resources)[0]
    assert "onerror" not in acting(page)
    own = exporter.from_notebook_node(answered(course, {}), resources)[0]
    assert acting(page) == acting(own)


def test_an_executed_notebook_is_cut_to_what_can_be_shown():
    html = nbformat.v4.new_output("display_data", data={"text/html": "<p>" * MOST})
    small = nbformat.v4.new_output("display_data", data={"text/html": "<b>7</b>"})
    output = nbformat.v4.new_output("stream", text="x" * 10 * MOST)
    cell = nbformat.v4.new_code_cell("y" * 2 * MOST, outputs=[output, small, html] * 99)
    notebook = make_harmless(nbformat.v4.new_notebook(cells=[cell]))
    (cell,) = notebook.cells
    assert cell.source == "y" * MOST + CUT
    assert len(cell.outputs) == 100
    assert cell.outputs[0].text == "x" * MOST + CUT
    assert cell.outputs[1].data == {"text/html": "<b>7</b>"}
    assert cell.outputs[2].data == {}
