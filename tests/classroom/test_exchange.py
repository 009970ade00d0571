"""`nbgrader collect` from a folder that every student can write to."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import ASSIGNMENTS, TINY
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange import ExchangeError

from cnnlab.classroom import arrivals, exchange
from cnnlab.classroom.course import Course

REPOSITORY = Path(__file__).resolve().parents[2]


def now(**shift):
    """Returns this moment, or one that is so much later or earlier."""
    moment = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    return moment + timedelta(**shift)


@pytest.fixture
def course(tmp_path):
    """A course with an exchange, and the folder where students put their work."""
    (tmp_path / "course/source").mkdir(parents=True)
    shutil.copy(ASSIGNMENTS / "nbgrader_config.py", tmp_path / "course")
    course = Course(tmp_path / "course")
    course.inbound = tmp_path / "exchange/here/inbound"
    course.inbound.mkdir(parents=True)
    course.config.Exchange.root = str(tmp_path / "exchange")
    course.config.CourseDirectory.course_id = "here"
    return course


def hand_in(course, student, content="{}", moment=None, end="+x1"):
    """Does what `nbgrader submit` does; returns the folder."""
    folder = course.inbound / f"{student}+{TINY}+{moment or now()} UTC{end}"
    folder.mkdir()
    (folder / f"{TINY}.ipynb").write_text(content)
    (folder / "timestamp.txt").write_text("2001-01-01 00:00:00 UTC")
    return folder


def collect(course, check_owner=False, **options):
    """Collects; returns what was left out as one text."""
    directory = CourseDirectory(config=course.config)
    directory.assignment_id = TINY
    collector = exchange.CarefulCollect(coursedir=directory, config=course.config)
    collector.check_owner = check_owner
    for name, value in options.items():
        setattr(collector, name, value)
    try:
        collector.start()
    except ExchangeError as error:
        return str(error)
    return ""


def collected(course):
    """Returns each student's collected notebook."""
    found = (course.root / "submitted").glob(f"*/{TINY}/{TINY}.ipynb")
    return {path.parent.parent.name: path.read_text() for path in found}


def break_link_notebook(folder, target):
    (folder / f"{TINY}.ipynb").unlink()
    (folder / f"{TINY}.ipynb").symlink_to(target)


def break_link_beside(folder, target):
    (folder / "data.csv").symlink_to(target)


def break_link_folder(folder, target):
    (folder / "data").symlink_to(target.parent)


def break_link_nowhere(folder, target):
    (folder / "data").symlink_to(folder / "nothing")


def break_hard_link(folder, target):
    os.link(target, folder / "data.csv")


def break_pipe(folder, target):
    os.mkfifo(folder / "pipe")


def break_pipe_as_notebook(folder, target):
    (folder / f"{TINY}.ipynb").unlink()
    os.mkfifo(folder / f"{TINY}.ipynb")


def break_socket(folder, target):
    here = os.getcwd()
    os.chdir(folder)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
    os.chdir(here)


def break_size(folder, target):
    with open(folder / "big", "wb") as file:
        file.truncate(21 * 10**6)


def break_count(folder, target):
    for number in range(201):
        (folder / f"{number}").touch()


def break_depth(folder, target):
    deep = folder
    for _ in range(25):
        deep = deep / "d"
    deep.mkdir(parents=True)


def break_name(folder, target):
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff.csv"))).touch()


def break_whole(folder, target):
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.symlink_to(target.parent)


BREAKING = {name[6:]: each for name, each in globals().items() if name[:6] == "break_"}


@pytest.mark.parametrize("kind", BREAKING)
def test_what_is_no_plain_file_is_left_out_and_named(course, tmp_path, kind):
    (tmp_path / "secret").mkdir()
    target = tmp_path / "secret" / "gradebook"
    target.write_text("secret")
    BREAKING[kind](hand_in(course, "eve"), target)
    hand_in(course, "ann", "anns")
    hand_in(course, "zoe", "zoes")
    assert "eve" in collect(course)
    assert collected(course) == {"ann": "anns", "zoe": "zoes"}
    assert not list((course.root / "submitted" / "eve").rglob("*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_device_is_not_opened(course):
    os.mknod(hand_in(course, "eve") / "zero", 0o20666, os.makedev(1, 5))
    assert "eve" in collect(course)
    assert collected(course) == {}


def test_who_is_not_the_owner_is_refused_and_hides_nobody(course):
    me = pwd.getpwuid(os.geteuid()).pw_name
    hand_in(course, me, "mine")
    hand_in(course, "bob", "forged", now(days=1))
    said = collect(course, check_owner=True)
    assert "bob+" in said
    assert f"'{me}+" not in said
    assert collected(course) == {me: "mine"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("path", ["", f"{TINY}.ipynb", "data", "data/more.csv"])
def test_whatever_belongs_to_somebody_else_is_refused(course, path):
    folder = hand_in(course, "root", "roots")
    (folder / "data").mkdir()
    (folder / "data" / "more.csv").touch()
    os.chown(folder / path, 65534, 65534)
    assert "root+" in collect(course, check_owner=True)
    assert collected(course) == {}


def test_the_latest_that_can_be_used_counts(course):
    hand_in(course, "ann", "first", now(minutes=-5))
    hand_in(course, "ann", "second", now(minutes=-1))
    (hand_in(course, "ann", "third", now()) / "link").symlink_to("/")
    assert "ann" in collect(course)
    assert collected(course) == {"ann": "second"}


def test_nothing_is_replaced_without_update(course):
    hand_in(course, "ann", "first", now(minutes=-5))
    collect(course)
    hand_in(course, "ann", "second", now())
    collect(course)
    assert collected(course) == {"ann": "first"}
    collect(course, update=True)
    assert collected(course) == {"ann": "second"}


@pytest.mark.parametrize("shift", [timedelta(days=-3), timedelta(days=3)])
def test_a_time_that_a_student_made_up_does_not_count(course, shift):
    hand_in(course, "eve", "eves", now() + shift)
    collect(course)
    folder = course.root / "submitted/eve" / TINY
    said = datetime.fromisoformat((folder / "timestamp.txt").read_text()[:19])
    assert abs(said - datetime.now(UTC).replace(tzinfo=None)) < timedelta(minutes=5)
    assert arrivals.arrived(course.root, TINY, "eve", b"eves") == said or (
        arrivals.arrived(course.root, TINY, "eve", b"eves") - said
    ) < timedelta(seconds=1)


def test_the_own_timestamp_file_is_not_taken(course):
    moment = now()
    hand_in(course, "ann", moment=moment)
    collect(course)
    text = (course.root / "submitted/ann" / TINY / "timestamp.txt").read_text()
    assert text.startswith(str(moment))


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("o.neil", "o.neil"),
        ("ann+bee", "ann+bee"),
        ("李雷", "李雷"),
        ("müller", "müller"),
    ],
)
def test_names_of_people_are_collected(course, name, student):
    hand_in(course, name, "own", end="")
    assert collect(course) == ""
    assert collected(course) == {student: "own"}


@pytest.mark.parametrize("name", ["..", "a b", "-rf", "<b>", "=1+1", "ann*"])
def test_names_of_nobody_are_refused(course, name):
    hand_in(course, name)
    hand_in(course, "ann")
    assert name in collect(course)
    assert list(collected(course)) == ["ann"]


def test_another_assignment_and_one_student_alone(course):
    other = course.inbound / f"ann+{TINY}_more+{now()} UTC+x"
    other.mkdir()
    hand_in(course, "ann")
    hand_in(course, "bob")
    directory = course.config.CourseDirectory
    directory.student_id = "bob"
    assert collect(course) == ""
    assert list(collected(course)) == ["bob"]


def test_the_command_collects_so_and_ends_with_an_error(course):
    config = (
        f"\nc.Exchange.root = {str(course.inbound.parents[1])!r}\n"
        "c.CourseDirectory.course_id = 'here'\nc.ExchangeCollect.check_owner = False\n"
    )
    path = course.root / "nbgrader_config.py"
    path.write_text(path.read_text() + config)
    course.inbound.parents[1].chmod(0o777)
    hand_in(course, "ann", "anns")
    (hand_in(course, "eve") / "link").symlink_to(course.root / "source")
    code = "from nbgrader.apps import NbGraderApp\n"
    code += f"NbGraderApp.launch_instance(['collect', {TINY!r}])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=course.root,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "eve" in done.stderr
    assert "Traceback" not in done.stderr
    assert collected(course) == {"ann": "anns"}
