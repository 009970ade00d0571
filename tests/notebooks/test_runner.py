"""The runner of lessons: two at a time, one line each, details of what failed."""

import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from copy import deepcopy
from pathlib import Path

import execute
import lessons
import nbformat
import psutil
import pytest
from nbformat import v4

HERE = Path(__file__).parent


def lesson(*sources):
    return v4.new_notebook(cells=list(map(v4.new_code_cell, sources)))


class Project:
    """A folder that holds nothing but lessons and their runner."""

    def __init__(self, folder):
        self.folder = folder
        tests = folder / "tests" / "notebooks"
        tests.mkdir(parents=True)
        (folder / "notebooks").mkdir()
        for name in ("lessons.py", "sanitize.cfg"):
            shutil.copy(HERE / name, tests)

    def add(self, notebooks):
        for name, notebook in notebooks.items():
            nbformat.write(notebook, self.folder / "notebooks" / f"{name}.ipynb")

    def start(self, *numbers):
        command = [sys.executable, "tests/notebooks/lessons.py", *numbers]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
        return subprocess.Popen(
            command, cwd=self.folder, env=clean, stdout=subprocess.PIPE, text=True
        )


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The runner's report on a sound lesson, one that differs and one that raises."""
    folder = tmp_path_factory.mktemp("project")
    sound = lesson(
        "import os\nprint(os.environ.get('CNNLAB_OFFLINE', 1))", "print('Python')"
    )
    execute.execute(sound, folder)
    changed = deepcopy(sound)
    changed.cells[1].outputs[0].text = "Pascal\n"
    raising = lesson("1 / 0", "print('late')", "2")
    project = Project(folder)
    project.add({"07_sound": sound, "08_differs": changed, "09_raises": raising})
    process = project.start()
    output = process.communicate()[0]
    assert process.returncode == 1
    return output


def test_report_has_one_line_per_lesson(report):
    for line in (
        "07_sound: 2 passed in ",
        "08_differs: FAILED, 1 failed, 1 passed in ",
        "09_raises: FAILED, 1 failed, 2 skipped in ",
        "lessons: 1 passed, 2 failed\n",
    ):
        assert report.count(f"\n{line}") == 1


def test_report_names_lesson_cell_expected_and_received(report):
    assert "notebooks/08_differs.ipynb::Cell 2" in report
    assert "print('Python')" in report
    assert "expected (stored):\n    Pascal\n  received:\n    Python\n" in report


def test_a_lesson_stops_at_the_cell_that_raised(report):
    assert "notebooks/09_raises.ipynb::Cell 1" in report
    assert "ZeroDivisionError" in report
    assert "late" not in report


def test_number_chooses_the_lesson(project):
    project.add({"07_passes": lesson("7;"), "08_raises": lesson("1 / 0")})
    process = project.start("07")
    assert "lessons: 1 passed, 0 failed" in process.communicate()[0]
    assert process.returncode == 0


def test_no_lesson_yet_is_no_failure_and_an_unknown_one_is(monkeypatch, tmp_path):
    monkeypatch.setattr(lessons, "ROOT", tmp_path)
    assert lessons.main([]) == 0
    assert lessons.main(["07"]) == 1


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_runner_leaves_no_process_behind(project, signal_number):
    waiting = lesson("open('started', 'w').close()\nimport time\ntime.sleep(60)")
    project.add({"07_waits": waiting})
    process = project.start()
    while not (project.folder / "notebooks" / "started").exists():
        assert process.poll() is None
        time.sleep(0.1)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) > 1  # the lesson and its kernel
    process.send_signal(signal_number)
    process.communicate(timeout=30)
    assert process.returncode == 1
    assert psutil.wait_procs(children, timeout=10)[1] == []


@pytest.mark.parametrize(
    ("num_lessons", "cores", "expected"),
    [(8, 1, (1, None)), (1, 2, (1, None)), (8, 2, (2, 1)), (8, 8, (2, 4))],
)
def test_two_lessons_share_the_cores(num_lessons, cores, expected):
    assert lessons.plan(num_lessons, cores) == expected


def test_children_compute_with_the_threads_they_are_given(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert lessons.environment(1)["TF_NUM_INTRAOP_THREADS"] == "1"
    assert lessons.environment(1)["OMP_NUM_THREADS"] == "1"
    assert "OMP_NUM_THREADS" not in lessons.environment(None)


def test_longest_lesson_starts_first_and_an_unknown_one_before_all():
    names = ["00_start_here", "02_cifar10_modern_cnn", "99_new"]
    ordered = lessons.longest_first([Path(f"{name}.ipynb") for name in names])
    assert [path.stem for path in ordered] == ["99_new", names[1], names[0]]


def test_hints_name_lessons_that_exist():
    numbers = {path.name[:2] for path in lessons.ROOT.glob("notebooks/*.ipynb")}
    assert set(tomllib.loads(lessons.HINTS.read_text())) <= numbers


def test_a_slow_lesson_is_named(monkeypatch, project, capsys):
    monkeypatch.setattr(lessons, "ROOT", project.folder)
    monkeypatch.setattr(lessons, "SECONDS_PER_LESSON", 0)
    project.add({"07_passes": lesson("7;")})
    child = lessons.Child(project.folder / "notebooks" / "07_passes.ipynb", 1)
    child.process.wait()
    child.report()
    assert "WARNING: 07_passes took " in capsys.readouterr().out
