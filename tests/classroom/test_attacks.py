"""Attacks: none gains a point, touches the host or stops the others."""

import json
import os
import re
import socket
import time

import attacks
import bombs
import nbformat
import pytest
from conftest import (
    DOUBLE,
    TINY,
    TOTAL,
    acting,
    answered,
    cell,
    grade_all,
    hand_in,
    lines,
    sandboxes_left,
)
from conftest import points as points_of

from cnnlab.classroom import feedback, records

CODE = attacks.ATTACKS | bombs.BOMBS
PUSH = {  # tried at every push, one of a kind; all others every night
    "equal_object",
    "patched_answer",
    "forged_files",
    "searching",
    "network",
    "outside",
    "display",
    "link_out",
    "replaced_sockets",
    "memory_bomb",
    "children_of_nobody",
    "endless_output",
    "many_parts",
    "running_programs",
    "page_tables",
    "full_backlog",
    "edited_tests",
    "empty_objects",
    "linked_notebook",
    "pipe",
}
SOLVED = {"answer-double": DOUBLE, "answer-total": TOTAL}


def without_tests(notebook):
    """Deletes every test cell."""
    kept = [
        c for c in notebook.cells if not c.metadata.get("nbgrader", {}).get("grade")
    ]
    return {"cells": kept}


def edited_tests(notebook):
    """Replaces every test by one that passes and gives a hundred points."""
    for each in notebook.cells:
        if each.metadata.get("nbgrader", {}).get("points"):
            each.source = "pass"
            each.metadata.nbgrader.update(points=100, locked=False, checksum="0" * 32)
    return {"cells": notebook.cells}


def copied_metadata(notebook):
    """Adds cells that claim to be test cells, before and after the real ones."""
    fake = cell("pass", "double", 100)
    fake.id = "fake"
    last = cell("def double(x):\n    return x", "answer-double", 100, solution=True)
    last.id = "last"
    return {"cells": [fake, *notebook.cells, last]}


def odd_metadata(notebook):
    """Writes what is no metadata of nbgrader where it belongs."""
    for number, each in enumerate(notebook.cells):
        each.metadata["nbgrader"] = [None, "text", 7, [], {"grade_id": []}][number % 5]
    return {"cells": notebook.cells}


def made_up_kernel(notebook):
    """Asks for a kernel whose command would run on the host."""
    spec = {"name": "mine", "display_name": "Mine", "argv": ["touch", "/tmp/escaped"]}
    return {"metadata": {"kernelspec": spec | {"language": "bash"}}}


NOTEBOOKS = {
    "made_up_kernel": made_up_kernel,
    "deleted_tests": without_tests,
    "edited_tests": edited_tests,
    "copied_metadata": copied_metadata,
    "odd_metadata": odd_metadata,
}
FILES = {
    "not_json": (b"this is no JSON", "damaged"),
    "not_a_notebook": (b'{"cells": 7}', "not a Jupyter notebook"),
    "empty_objects": (b"[" + b"{}," * 6_000_000 + b"{}]", "too many values"),
    "a_list": (b"[]", "not a Jupyter notebook"),
    "empty": (b"", "empty"),
    "binary": (bytes(range(256)), "damaged"),
    "nested": (b"[" * 10**6, "too many values"),
    "hundred_megabytes": (b" " * 100 * 10**6, "more than 20 MB"),
    "thousand_cells": (
        nbformat.writes(
            nbformat.v4.new_notebook(
                cells=[nbformat.v4.new_code_cell() for _ in range(1000)]
            )
        ).encode(),
        "more than 500 cells",
    ),
    "nested_metadata": (
        b'{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {"x": '
        + b"[" * 900
        + b"]" * 900
        + b"}}",
        "damaged|not a Jupyter notebook|could not be graded|no function",
    ),
    "surrogates": (
        json.dumps(nbformat.v4.new_notebook(metadata={"x": "\ud800"})).encode(),
        "no function",
    ),
}


def break_submission(path, name, target):
    """Turns a submission into something that is no file."""
    folder, content = path.parent, path.read_bytes()
    path.unlink()
    if name == "linked_notebook":
        path.symlink_to(target / "canary.ipynb")
    elif name == "linked_file":
        path.write_text("{}")
        (folder / "data.csv").symlink_to(target / "canary.npy")
    elif name == "linked_folder":
        folder.rmdir()
        folder.symlink_to(target)
    elif name == "pipe":
        os.mkfifo(folder / "pipe")
    elif name == "no_time":
        path.write_bytes(content)
        (folder / "timestamp.txt").write_text("tomorrow")
    elif name == "renamed":
        (folder / "other.ipynb").write_text("{}")


BROKEN = {
    "linked_notebook": "a link",
    "linked_file": "a link",
    "linked_folder": "a link",
    "pipe": "neither a file nor a folder",
    "no_time": "timestamp.txt holds no time",
    "renamed": "must keep its name",
}
FOLDERS_BESIDE = ("double.npz", "double.0.npy", "kernel.json", "marks.json", "socket-1")
HONEST = ("aa_honest", "zz_honest", "zoë", "o.neil", "a+b@example.org")
NAMES = ("...", "a b", "-rf", "<script>alert(1)<", "two\nlines", "ann*", "..x..", "%2e")


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """A folder of the host that no submission may read or change."""
    folder = tmp_path_factory.mktemp("target")
    (folder / "canary.npy").write_bytes(b"canary-in-the-host")
    (folder / "canary.ipynb").write_text("canary-in-the-host")
    folder.chmod(0o777)
    return folder


@pytest.fixture(scope="module")
def listener():
    """Two sockets of the host that no submission may reach."""
    inet, abstract = (
        socket.create_server(("127.0.0.1", 0)),
        socket.socket(socket.AF_UNIX),
    )
    abstract.bind(f"\0canary-{os.getpid()}")
    abstract.listen()
    with inet, abstract:
        yield inet


def at_night(names):
    """Makes parameters of names; those that are no part of a push bear a mark."""
    night = pytest.mark.nightly
    return [pytest.param(n, marks=[] if n in PUSH else night) for n in names]


def chosen(request, names):
    """Picks the submissions that the tests of this run ask for."""
    asked = {
        item.callspec.params.get("name")
        for item in request.session.items
        if hasattr(item, "callspec")
    }
    return [name for name in names if name in asked]


@pytest.fixture(scope="module")
def graded(request, course, target, listener):
    """The records of the attacks, graded together with honest students."""
    os.environ["CANARY"] = "canary-token"
    for name in chosen(request, CODE):
        code = CODE[name][0]
        code = code.replace("TARGET", str(target))
        code = code.replace("PORT", str(listener.getsockname()[1]))
        code = code.replace("ABSTRACT", f"canary-{os.getpid()}")
        hand_in(course, name, answered(course, {"answer-double": code}))
    for name in chosen(request, NOTEBOOKS):
        change = NOTEBOOKS[name]
        notebook = answered(course, {})
        notebook.update(change(notebook))
        hand_in(course, name, notebook)
    for name in chosen(request, FILES):
        content = FILES[name][0]
        hand_in(course, name, answered(course, {})).write_bytes(content)
    for name in chosen(request, BROKEN):
        break_submission(hand_in(course, name, answered(course, {})), name, target)
    for name in NAMES:
        hand_in(course, name, answered(course, SOLVED))
    for name in HONEST:
        hand_in(course, name, answered(course, SOLVED))
    beside = hand_in(course, "files_beside", answered(course, SOLVED)).parent
    for name in FOLDERS_BESIDE:
        (beside / name).mkdir()
    same = hand_in(course, "same_ids", answered(course, SOLVED))
    same.write_text(re.sub('"id": "[^"]*"', '"id": "same"', same.read_text()))
    late = SOLVED | {"answer-total": "import os\nos._exit(0)"}
    hand_in(course, "late_exit", answered(course, late))
    deleted = answered(course, SOLVED)
    deleted.update(without_tests(deleted))
    hand_in(course, "solved_without_tests", deleted)
    names, _ = records.students(course, TINY)
    started = time.monotonic()
    done = grade_all(course, names, jobs=4)
    print(f"{len(names)} submissions in {time.monotonic() - started:.0f} s")
    del os.environ["CANARY"]
    return done


SPOILT = ("solved_without_tests", "files_beside", "same_ids")
ALL = {name: line for name, (_, line) in (CODE | FILES).items()} | BROKEN


@pytest.mark.parametrize("name", at_night([*ALL, *NOTEBOOKS]))
def test_an_attack_gains_no_point(graded, name):
    assert points_of(graded[name]) == {"double": 0, "total": 0}


@pytest.mark.parametrize("name", at_night(ALL))
def test_the_author_of_an_attack_reads_what_happened(course, graded, name):
    assert re.search(ALL[name], lines(graded[name], "double"))
    page = feedback.write(course, TINY, name).read_text()
    assert re.search(ALL[name], page)
    assert acting(page) == []
    assert "canary-in-the-host" not in page


@pytest.mark.parametrize("name", [*HONEST, *SPOILT])
def test_the_others_get_their_points(graded, name):
    assert points_of(graded[name]) == {"double": 2, "total": 3}


def test_a_later_exit_takes_nothing_back(graded):
    assert points_of(graded["late_exit"]) == {"double": 2, "total": 0}
    assert "ended before it could answer" in lines(graded["late_exit"], "total")


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("semaphores", "semaphores: -1"),
        ("pinned_pipes", "vmsplice -1\nsplice -1\ntee -1\nunshare -1"),
        ("searching", "found: []\nhome: True"),
        ("environment", "secrets: []"),
        ("network", "opened: []"),
        ("segments", "segments: -1"),
        ("outside", "written: []\nallowed: False\nallowed: False\nallowed: False"),
    ],
)
def test_nothing_of_the_host_is_seen_or_changed(course, graded, name, printed):
    path = course.root / "autograded" / name / TINY / f"{TINY}.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    texts = [o.text for c in cells for o in c.get("outputs", []) if "text" in o]
    assert printed in "\n".join(texts)


def test_the_host_is_as_it_was(graded, target, listener):
    assert sorted(os.listdir(target)) == ["canary.ipynb", "canary.npy"]
    listener.settimeout(0.1)
    with pytest.raises(TimeoutError):
        listener.accept()


def test_no_process_is_left(graded):
    assert sandboxes_left() == []


def test_a_folder_whose_name_is_no_name_is_left_alone(course, graded):
    names, refused = records.students(course, TINY)
    assert sorted(refused) == sorted(NAMES)
    assert not set(refused) & set(graded)
