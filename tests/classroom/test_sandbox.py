"""The sandbox's parts: folders that are left, storage without a name, refused calls."""

import itertools
import logging
import os
import select
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import replace

import bombs
import nbformat
import pytest
from conftest import acting, answered, grade_all, make_course
from nbconvert import HTMLExporter
from nbgrader.server_extensions.formgrader import handlers

from cnnlab.classroom import (
    bounds,
    folders,
    grade,
    processes,
    sandbox,
    storage,
    syscalls,
)
from cnnlab.classroom.errors import CourseError
from cnnlab.classroom.harmless import CUT, MOST, make_harmless

OTHER_ACCOUNT = 64321  # neither the grader's nor nobody's
SMALL = sandbox.Limits(
    seconds=60,
    cell_seconds=20,
    megabytes=700,
    processor_seconds=8,
    folder_megabytes=150,
)


RUN = """
import resource, sys
import nbformat
from cnnlab.classroom.run import run
from cnnlab.classroom.sandbox import Limits

cell = nbformat.v4.new_code_cell(sys.stdin.read())
notebook = nbformat.v4.new_notebook(cells=[cell], metadata=METADATA)
executed, _, reason = run(notebook, {}, LIMITS)
printed = "".join(each.get("text", "") for each in executed.cells[0].outputs)
print(reason or printed, end="")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def run_code(code, limits=SMALL, metadata=None):
    """Runs one cell in a sandbox; returns what it printed, or why it was stopped."""
    return measure(code, limits, metadata)[0]


def measure(code, limits=SMALL, metadata=None):
    """Runs one cell; returns what came of it, and the megabytes that reading took."""
    script = RUN.replace("LIMITS", repr(limits))
    script = script.replace("METADATA", repr(metadata or {}))
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=code,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(sandbox.PACKAGE.parent)},
    )
    return done.stdout, int(done.stderr.split()[-1]) / 1000


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
        outer = folder.parent
        assert folders.NAME.fullmatch(outer.name)[1] == str(os.getpid())
        assert outer.stat().st_mode & 0o777 == 0o700
    assert not outer.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_as_root_the_folder_is_a_sized_file_system():
    limits = sandbox.Limits(folder_megabytes=4, folder_files=50)
    with folders.temporary(limits) as folder:
        with pytest.raises(OSError, match="No space left"):
            (folder / "large").write_bytes(bytes(5_000_000))
        (folder / "large").unlink()
        (folder / "link").symlink_to("/etc/passwd")
        with pytest.raises(OSError, match="symbolic links"):
            (folder / "link").read_text()
        with pytest.raises(OSError, match="No space left"):
            deque((folder / str(number)).touch() for number in range(200))
    assert not os.path.ismount(folder)
    assert not folder.parent.exists()


def test_modes_are_reset_before_anything_is_read(tmp_path):
    (tmp_path / "hidden").mkdir()
    program = tmp_path / "hidden" / "program"
    program.write_text("true")
    program.chmod(0o6777)
    program.parent.chmod(0)
    folders.reset_modes(tmp_path)
    assert program.parent.stat().st_mode & 0o7777 == 0o700
    assert program.stat().st_mode & 0o7777 == 0o700


LEAVING = """
import os, shutil, time
os.chmod(".", 0o777)
shutil.copy("/bin/sh", "shell")
for mode in (0o777, 0o4755, 0o2755, 0o6777):
    try:
        os.chmod("shell", mode)
    except OSError:
        pass
os.mkdir("open")
os.chmod("open", 0o777)
print("set-id:", os.stat("shell").st_mode & 0o6000)
print("before:", os.listdir("open"))
open("ready", "w").close()
time.sleep(4)
print("after:", os.listdir("open"))
"""
REACHING = """
import glob, os, sys
outer, = sys.argv[1:]
roots = glob.glob(os.path.join("/proc", "[0-9]*", "root"))
for folder in (outer, *(root + outer for root in roots)):
    inside = os.path.join(folder, "INSIDE")
    for reach in (
        lambda: os.listdir(folder),
        lambda: os.listdir(inside),
        lambda: open(inside + "/open/answer", "w").close(),
        lambda: os.execv(inside + "/shell", ["shell", "-c", "echo mine"]),
    ):
        try:
            print("reached", folder, reach())
        except PermissionError:
            print("refused")
""".replace("INSIDE", folders.INSIDE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as another account")
def test_no_other_account_reaches_what_a_sandbox_writes():
    said = []

    def reach():
        while not (
            found := list(folders.PLACE.glob(f"cnnlab-*/{folders.INSIDE}/ready"))
        ):
            time.sleep(0.05)
        other = {"user": OTHER_ACCOUNT, "group": OTHER_ACCOUNT, "extra_groups": []}
        command = ["/usr/bin/python3", "-c", REACHING, str(found[0].parents[1])]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", **other)
        said.append(done.stdout)

    thread = threading.Thread(target=reach, daemon=True)
    thread.start()
    printed = run_code(LEAVING)
    thread.join(10)
    assert printed == "set-id: 0\nbefore: []\nafter: []\n"
    assert set("".join(said).splitlines()) == {"refused"}


RUNNING = "import shutil, subprocess; shutil.copy('/bin/sleep', 'x'); "
RUNNING += "open('x', 'ab').write(bytes(3_000_000)); "
RUNNING += "kept = subprocess.Popen(['./x', '60']); os.remove('x')"
FIRST_THREAD_ENDED = (
    "import ctypes, threading; kept = open('x', 'wb+'); kept.write(bytes(3_000_000)); "
    "kept.flush(); os.remove('x'); ready = threading.Event(); "
    "threading.Thread(target=lambda: (ready.wait(), time.sleep(0.5), "
    "print('ready', flush=True), time.sleep(60))).start(); "
    "ready.set(); ctypes.CDLL(None).pthread_exit(None)"
)
HOLDING = {
    "nothing": "",
    "an open file": "file = open('x', 'wb+'); file.write(bytes(3_000_000)); "
    "file.flush(); os.remove('x')",
    "a mapped file": "file = open('x', 'wb+'); file.write(bytes(3_000_000)); "
    "file.flush(); os.remove('x'); kept = mmap.mmap(file.fileno(), 0); file.close()",
    "shared memory": "kept = mmap.mmap(-1, 3_000_000)",
    "a running program": RUNNING,
    "a process whose first thread has ended": FIRST_THREAD_ENDED,
    "many open files": "kept = [open(os.devnull) for _ in range(99)]",
}


@contextmanager
def started(code, folder):
    """Starts Python on some code, waits until it is ready, and kills all of it."""
    code = f"import mmap, os, time; {code}\nprint('ready', flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        process.stdout.readline()
        tree = processes.Tree(process.pid)
        try:
            yield tree
        finally:
            tree.kill()
            tree.close()


@pytest.mark.parametrize("what", HOLDING)
def test_what_has_no_name_is_found_through_its_holder(tmp_path, what):
    limits = sandbox.Limits(folder_megabytes=2, open_files=50)
    with started(HOLDING[what], tmp_path) as tree:
        held = storage.excess(tmp_path, [*tree.numbers(), 2**22 + 1], limits)
    assert held == (None if what == "nothing" else "disk")


MAPS = "kept = [mmap.mmap(-1, 8192, mmap.MAP_PRIVATE) for _ in range({})]\n"
MAPS += "import ctypes; libc = ctypes.CDLL(None)\nfor each in kept:\n"
MAPS += "    where = ctypes.addressof(ctypes.c_char.from_buffer(each))\n"
MAPS += "    libc.mprotect(ctypes.c_void_p(where), 4096, 1)"


def test_many_mappings_are_found_before_all_are_read(tmp_path):
    with started(MAPS.format(30_000), tmp_path) as tree:
        begun = time.monotonic()
        held = storage.excess(tmp_path, tree.numbers(), sandbox.Limits(mappings=5000))
        assert time.monotonic() - begun < 1
        assert storage.excess(tmp_path, tree.numbers(), sandbox.Limits()) == "memory"
    assert held == "memory"


SPARSE = """
import ctypes, mmap
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [
    ctypes.c_long]
for number in range(20_000):
    ctypes.memset(libc.mmap((1 << 40) + number * (1 << 30), 4096, 3, 0x22, -1, 0), 1, 1)
"""
HIDDEN_MEMORY = {
    "page tables": SPARSE,
    "a process whose first thread has ended": FIRST_THREAD_ENDED.replace(
        "kept = ", "more = bytearray(os.urandom(1000)) * 200_000; kept = "
    ),
}


@pytest.mark.parametrize("what", HIDDEN_MEMORY)
def test_memory_that_no_page_shows_is_counted(tmp_path, what):
    with started(HIDDEN_MEMORY[what], tmp_path) as tree:
        assert processes.megabytes(tree.numbers()) > 150


def test_buffers_of_sockets_are_counted_in_a_network_of_their_own():
    code = "import socket, time\nkept = [socket.socketpair() for _ in range({})]\n"
    code += "time.sleep(3)"
    limits = replace(SMALL, megabytes=150)
    assert run_code(code.format(9), limits) == ""
    assert run_code(code.format(220), limits) == "memory"


SHORT = """
import os, signal, time
signal.signal(signal.SIGCHLD, {})
print('begun', flush=True)
for _ in range(40):
    if os.fork() == 0:
        stop = time.process_time() + 0.03
        while time.process_time() < stop:
            pass
        os._exit(0)
    time.sleep(0.04)
print('ready', flush=True)
input()
"""


@pytest.mark.parametrize("handling", ["signal.SIG_IGN", "lambda *_: os.waitpid(-1, 1)"])
def test_processor_time_of_ended_children_is_counted(tmp_path, handling):
    process = subprocess.Popen(
        [sys.executable, "-c", SHORT.format(handling)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        process.stdout.readline()
        tree, meter, seconds = processes.Tree(process.pid), processes.Meter(), []
        while not select.select([process.stdout], [], [], 0.05)[0]:
            seconds.append(meter.seconds(tree.numbers()))
        tree.kill()
        tree.close()
    falls = [before - after for before, after in itertools.pairwise(seconds)]
    assert max(falls) < 1e-6  # nothing is forgotten, up to rounding
    assert 0.6 < seconds[-1] < 6  # 40 children used 1.2 s, most of which nobody reports


def test_a_number_that_belongs_to_another_process_by_now_is_not_killed(monkeypatch):
    with (
        subprocess.Popen(["sleep", "60"]) as root,
        subprocess.Popen(["sleep", "60"]) as stranger,
    ):
        tree = processes.Tree(root.pid)
        monkeypatch.setattr(tree, "numbers", lambda: [root.pid, stranger.pid])
        tree.kill()
        assert root.wait(5) == -9
        assert stranger.poll() is None
        stranger.kill()
        tree.close()


def decide(content, machine, call, *arguments):
    """Runs a filter on one call, as the kernel does."""
    steps, at, value = list(struct.iter_unpack("=HBBI", content)), 0, None
    shown = {syscalls.NUMBER: call, syscalls.ARCHITECTURE: machine}
    for number, argument in enumerate(arguments):
        shown[syscalls.ARGUMENTS + 8 * number] = argument
    while True:
        code, if_true, if_false, operand = steps[at]
        if code == syscalls.RETURN:
            return operand
        if code == syscalls.LOAD:
            value = shown.get(operand, 0)
            at += 1
        else:
            tests = {
                syscalls.EQUAL: value == operand,
                syscalls.AT_LEAST: value >= operand,
                syscalls.ANY_BIT: bool(value & operand),
            }
            at += 1 + (if_true if tests[code] else if_false)


MACHINES = list(enumerate(syscalls.MACHINE))
PLAIN = (1, 1, 0, 1)  # arguments that no condition forbids


@pytest.mark.parametrize(("column", "name"), MACHINES)
def test_the_filter_refuses_its_calls_and_no_other(column, name):
    content, machine = syscalls.program(name), syscalls.MACHINE[name]
    refused = {numbers[column] for numbers in syscalls.REFUSED.values()}
    for call in range(500):
        wanted = syscalls.UNKNOWN if call in refused else syscalls.ALLOW
        assert decide(content, machine, call, *PLAIN) == wanted
    other = syscalls.OTHER_ABI + 1
    assert decide(content, machine, other, *PLAIN) == syscalls.UNKNOWN
    assert decide(content, machine + 1, 1, *PLAIN) == syscalls.UNKNOWN


@pytest.mark.parametrize(("column", "name"), MACHINES)
@pytest.mark.parametrize(
    ("call", "forbidden", "allowed"),
    [
        ("chmod", (0, 0o4755), (0, 0o1777)),
        ("fchmod", (3, 0o2755), (3, 0o777)),
        ("fchmodat", (3, 0, 0o6755), (3, 0, 0o644)),
        ("fchmodat2", (3, 0, 0o4000), (3, 0, 0o644)),
        ("creat", (0, 0o4755), (0, 0o755)),
        ("open", (0, 0o101, 0o4755), (0, 0o100000, 0o4755)),
        ("openat", (3, 0, 0o101, 0o4755), (3, 0, 0o1, 0o4755)),
        ("openat", (3, 0, 0o20200000, 0o2644), (3, 0, 0o20200000, 0o644)),
        ("mknod", (0, 0o104755), (0, 0o100755)),
        ("mknodat", (3, 0, 0o102755), (3, 0, 0o100755)),
        ("clone", (0x10F00 & ~0x400,), (0x10F00,)),
        ("clone", (0x10000,), (0x11,)),
        ("close_range", (3, 9, 2), (3, 9, 4)),
        ("socket", (2, 1, 0), (1, 0x80801, 0)),
        ("socket", (1, 2, 0), (1, 1, 0)),
        ("setsockopt", (3, 1, 7), (3, 1, 8)),
        ("setsockopt", (3, 1, 7), (3, 6, 7)),
        ("socketpair", (1, 0x80805, 0), (1, 0x80801, 0)),
    ],
)
def test_the_filter_looks_at_arguments(column, name, call, forbidden, allowed):
    number = syscalls.CONDITIONS[call][0][column]
    if number is None:
        pytest.skip("this processor has no such call")
    content, machine = syscalls.program(name), syscalls.MACHINE[name]
    assert decide(content, machine, number, *forbidden) == syscalls.FORBID
    assert decide(content, machine, number, *allowed) == syscalls.ALLOW


def test_without_a_known_processor_there_is_no_filter(monkeypatch):
    monkeypatch.setattr(syscalls.platform, "machine", lambda: "abacus")
    with syscalls.opened() as filters:
        assert filters == ()
        assert sandbox.find_problem() is None


def test_settings_and_exchange_of_nbgrader_are_covered():
    code = "import os\nfor each in ('share', 'etc'):\n    path = f'/usr/local/{each}'\n"
    code += "    print(os.listdir(path) if os.path.exists(path) else [])"
    assert run_code(code) == "[]\n[]\n"
    assert not sandbox.is_visible("/usr/local/share/nbgrader/exchange")
    assert sandbox.is_visible("/usr/local/lib")


def test_what_a_fork_prints_is_shown():
    code = "import os\nif os.fork() == 0:\n    print('from a fork', flush=True)\n"
    code += "    os._exit(0)\nos.wait()\nimport time; time.sleep(1)"
    assert "from a fork" in run_code(code)


@pytest.mark.parametrize("name", ["many_parts", "objects_in_message"])
def test_reading_a_message_takes_little_memory(name):
    code = "import numpy as np\n" + bombs.BOMBS[name][0]
    limits = replace(SMALL, grader_megabytes=400, megabytes=6000)
    came, megabytes = measure(code, limits)
    assert came == "output"
    assert megabytes < 1000


HUGE = "import json; from cnnlab.classroom import bounds; bounds.limit_memory(500); "
HUGE += "json.loads('[' + '{},' * 9_000_000 + '{}]')"


def test_a_process_that_reads_ends_at_its_limit():
    done = subprocess.run(
        [sys.executable, "-c", HUGE],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(sandbox.PACKAGE.parent)},
    )
    assert done.stderr.endswith("MemoryError\n")


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (b"[" + b"{}," * 100_001 + b"{}]", True),
        (b"[" + b"[]," * 100_001 + b"[]]", True),
        (b"[" + b"1," * 1_000_001 + b"1]", True),
        (b'["' + b"{},[]," * 200_000 + b'"]', False),  # in a string
        (b'["' + b'\\"{},' * 200_000 + b'"]', False),
        (b'["\\\\",' + b"{}," * 100_001 + b"0]", True),
        (b'"\\' * 2_000_000, False),  # never closed; read in one pass
        (b'"",' * 2_000_001, True),
    ],
)
def test_values_are_counted_before_they_are_read(text, refused):
    begun = time.monotonic()
    assert bounds.too_many_values(text) == refused
    assert time.monotonic() - begun < 10


def test_lines_of_the_log_are_cut():
    record = logging.makeLogRecord({"msg": "s" * 10**6})
    assert len(grade._Cut("%(message)s").format(record)) < 3000


def test_a_sandbox_that_does_not_start_is_explained(monkeypatch):
    monkeypatch.setattr(sandbox, "ISOLATED", ["--no-such-option"])
    assert "no-such-option" in sandbox.find_problem()
    assert "user namespaces" in sandbox.find_problem()


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
