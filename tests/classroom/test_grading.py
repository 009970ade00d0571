"""Grading: resumed after a kill, one student alone, nbgrader's tools on the result."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import nbformat
import psutil
import pytest
from conftest import (
    DOUBLE,
    TINY,
    TOTAL,
    answered,
    grade_all,
    hand_in,
    make_course,
)
from conftest import points as points_of
from jupyter_client.kernelspec import KernelSpecManager
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from cnnlab.classroom import exercise, feedback, records, report, sandbox
from cnnlab.classroom.errors import CourseError
from cnnlab.classroom.release import secrets
from cnnlab.cli import app

REPOSITORY = Path(__file__).resolve().parents[2]
ANSWERS = {
    "ann": {"answer-double": DOUBLE, "answer-total": TOTAL, "explain": "In my words."},
    "bob": {
        "answer-double": DOUBLE.replace("2 * x", "x + 2"),
        "answer-total": "import time\n\ntime.sleep(8)  # is running when killed",
    },
    "cleo": {"answer-total": TOTAL.replace("x.sum()", "x.mean()")},
    "dan": {},
}
POINTS = {
    "ann": {"double": 2, "total": 3},
    "bob": {"double": 0, "total": 0},
    "cleo": {"double": 0, "total": 0},
    "dan": {"double": 0, "total": 0},
}
SCRIPT = (
    "import sys; sys.path.insert(0, {path!r})\n"
    "from cnnlab.cli import main\n"
    "if __name__ == '__main__':\n    main()\n"
)


def cnnlab(*arguments):
    """Runs the command line in this process."""
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course of four; its grading was killed in the middle and started again."""
    course = make_course(tmp_path_factory.mktemp("grading"))
    for name, sources in ANSWERS.items():
        hand_in(course, name, answered(course, sources))
    script = course.root / "run_cnnlab.py"
    script.write_text(SCRIPT.format(path=str(REPOSITORY)))
    command = [sys.executable, script, "grade", TINY, "--jobs", "1", "--course"]
    process = subprocess.Popen([*command, course.root], stdout=subprocess.DEVNULL)
    running = wait_for_second(course, process)
    course.before_kill = records_of(course)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for_end(running)
    assert records_of(course) == course.before_kill  # nothing went on without it
    course.output = cnnlab("grade", TINY, "--course", course.root)
    return course


def wait_for_second(course, process):
    """Waits until one is finished and the next one runs; returns its processes."""
    while not (records_of(course) and (running := below(process.pid))):
        assert process.poll() is None
        time.sleep(0.1)
    return running


def below(pid):
    """Lists all processes under a process that run in a sandbox."""
    tree = psutil.Process(pid).children(recursive=True)
    names = [each.name() for each in tree if each.is_running()]
    return tree if "bwrap" in names else []


def wait_for_end(processes):
    """Asserts that a killed grading takes all its processes along."""
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not alive


def records_of(course):
    """Returns the finished records."""
    names = [name for name in ANSWERS if records.is_graded(course, TINY, name)]
    return {name: records.read_record(course, TINY, name) for name in names}


def scores(course):
    """Reads the gradebook: each student's points of each cell."""
    with Gradebook(course.config.CourseDirectory.db_url) as gradebook:
        return {
            (submission.student.id, each.name): each.score
            for submission in gradebook.assignment_submissions(TINY)
            for notebook in submission.notebooks
            for each in notebook.grades
        }


def test_a_killed_grading_goes_on_and_no_mark_is_lost_or_changed(course):
    assert 1 <= len(course.before_kill) < 4
    left = 4 - len(course.before_kill)
    assert f"{left} to grade, {4 - left} graded before" in course.output.output
    after = records_of(course)
    assert {name: points_of(record) for name, record in after.items()} == POINTS
    for name, record in course.before_kill.items():
        assert after[name] == record


def test_the_gradebook_holds_the_marks(course):
    graded = scores(course)
    for student, points in POINTS.items():
        assert {n: graded[student, n] for n in points} == points


def written(course, student):
    """Returns when a student's marks were written."""
    return records.path_of_record(course.root, TINY, student).stat().st_mtime_ns


def test_one_student_is_graded_again_and_no_other(course):
    before = {
        name: records.path_of_record(course.root, TINY, name).stat().st_mtime_ns
        for name in ANSWERS
    }
    hand_in(course, "dan", answered(course, ANSWERS["ann"]))
    result = cnnlab("grade", TINY, "--student", "dan", "--course", course.root)
    assert result.exit_code == 0, result.output
    for name, moment in before.items():
        assert (written(course, name) == moment) == (name != "dan")
    assert scores(course)["dan", "total"] == 3
    hand_in(course, "dan", answered(course, ANSWERS["dan"]))
    assert records.choose(course, TINY, list(ANSWERS)) == ["dan"]
    grade_all(course, ["dan"])
    assert scores(course)["dan", "total"] == 0


def test_written_answers_wait_for_a_reader_and_blank_ones_do_not(course):
    with Gradebook(course.config.CourseDirectory.db_url) as gradebook:
        waiting = {
            name: gradebook.find_grade("explain", TINY, TINY, name).needs_manual_grade
            for name in ANSWERS
        }
    assert waiting == {"ann": True, "bob": False, "cleo": False, "dan": False}


def test_what_a_reader_entered_survives_grading_again(course):
    with Gradebook(course.config.CourseDirectory.db_url) as gradebook:
        gradebook.find_grade("explain", TINY, TINY, "ann").manual_score = 1.5
        gradebook.find_grade("double", TINY, TINY, "cleo").manual_score = 1
        comment = gradebook.find_comment("explain", TINY, TINY, "ann")
        comment.manual_comment = "Well said."
        gradebook.db.commit()
    grade_all(course, ["ann", "cleo"])
    assert scores(course)["ann", "explain"] == 1.5
    assert scores(course)["cleo", "double"] == 1
    assert "Well said." in feedback.write(course, TINY, "ann").read_text()


def test_the_report_shows_the_distribution_and_the_mistakes(course):
    page, table = report.write(course, TINY, list(ANSWERS), ["<bad>"])
    text = page.read_text()
    assert "4 submissions" in text
    assert "You added two instead of multiplying by two." in text
    assert "2 × There is no answer yet." in text  # cleo and dan
    assert "&lt;bad&gt;" in text
    rows = {
        row["student_id"]: row for row in csv.DictReader(table.read_text().splitlines())
    }
    assert set(rows) == set(ANSWERS)
    assert float(rows["ann"]["score"]) >= 5


def nbgrader(course, *commands):
    """Runs commands of nbgrader in one process of its own, in the course's folder."""
    code = "from nbgrader.apps import NbGraderApp\n"
    for command in commands:
        code += "NbGraderApp.clear_instance()\n"
        code += f"NbGraderApp.launch_instance({list(command)})\n"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=course.root,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )


def put_archive(course, *names):
    """Puts an archive where nbgrader looks for it."""
    folder = course.root / "downloaded" / TINY / "archive"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "hw.zip", "w") as archive:
        for name in names:
            archive.writestr(f"{name}_attempt_2026-11-20-10-00-00_{TINY}.ipynb", "{}")


@pytest.mark.parametrize("name", ["../../../../../escaped", "/escaped"])
def test_an_archive_cannot_write_outside_the_course(course, name):
    put_archive(course, name, "../../submitted/mallory")
    nbgrader(course, ("zip_collect", TINY, "--force"))
    above = [course.root, *list(course.root.parents)[:3], Path("/")]
    assert not [each for folder in above for each in folder.glob("escaped*")]
    submitted = {each.name for each in (course.root / "submitted").iterdir()}
    assert submitted == set(ANSWERS)


def test_nbgrader_collects_autogrades_and_exports_alike(course):
    put_archive(course, "eve")
    before = scores(course)
    autograde = "autograde", TINY, "--student", "bob", "--force"
    done = nbgrader(course, ("zip_collect", TINY, "--force"), autograde, ("export",))
    assert done.returncode == 0, done.stderr
    assert (course.root / "submitted" / "eve" / TINY / f"{TINY}.ipynb").exists()
    assert scores(course) == before
    assert "ann" in (course.root / "grades.csv").read_text()


def test_feedback_tells_a_student_about_nobody_else(course):
    cnnlab("feedback", TINY, "--course", course.root)
    for name in ANSWERS:
        page = course.root / "feedback" / name / TINY / f"{TINY}.html"
        text = page.read_text()
        assert name in text
        assert not [other for other in ANSWERS if other != name and other in text]


def test_feedback_holds_no_hidden_test_and_no_expected_value(course):
    secret = secrets(nbformat.read(course.source(TINY), as_version=4))
    hints = {"You added two", "Negative numbers", "This is the"}
    secret = [line for line in secret if not any(hint in line for hint in hints)]
    for name in ("bob", "cleo", "dan"):
        path = feedback.write(course, TINY, name)
        text = path.read_text()
        assert not [line for line in secret if line in text and "the-sol" not in line]
        for each in exercise.read(course.source(TINY)):
            for case in each.draw(name):
                for number in each.expected(case).ravel():
                    assert f"{number:.4f}"[:6] not in text


def test_without_bubblewrap_grading_is_refused(course, monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    result = cnnlab("grade", TINY, "--course", course.root)
    assert result.exit_code == 1
    assert "apt-get install bubblewrap" in result.output
    with pytest.raises(CourseError, match="Install it"):
        grade_all(course, ["ann"])


def test_unsafe_is_said_and_logged(course, monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    options = ("--student", "dan", "--unsafe", "--course", course.root)
    result = cnnlab("grade", TINY, *options)
    assert result.exit_code == 0, result.output
    assert "--unsafe: students' code runs as you" in result.output
    assert "unsafe: no sandbox" in (course.root / "grading.log").read_text()
    assert points_of(records.read_record(course, TINY, "dan")) == POINTS["dan"]


@pytest.mark.parametrize("jobs", ["-1", "0"])
def test_at_least_one_is_graded_at_a_time(course, jobs):
    result = cnnlab("grade", TINY, "--jobs", jobs, "--course", course.root)
    assert result.exit_code == 1
    assert f"at least 1. Received: {jobs}" in result.output


@pytest.mark.parametrize("student", ["../ann", "nobody", ""])
def test_a_student_who_handed_nothing_in_is_not_graded(course, student):
    with pytest.raises(CourseError, match="was handed in by ann, bob"):
        records.choose(course, TINY, list(ANSWERS), student)


def test_a_learner_alone_gets_an_answer(tmp_path):
    options = ("--folder", tmp_path, "--course", REPOSITORY / "assignments")
    first = cnnlab("check", "2", *options)
    assert "Fill in" in first.output
    path = next(tmp_path.glob("*.ipynb"))
    notebook = nbformat.read(path, as_version=4)
    answer = next(each for each in notebook.cells if each.id == "answer-swish")
    answer.source = "def swish(x):\n    return np.maximum(x, 0)"
    nbformat.write(notebook, path)
    second = cnnlab("check", "2", *options)
    assert second.exit_code == 1
    assert "✗ normalize: There is no answer yet." in second.output
    assert "✗ swish: That is ReLU" in second.output


def test_the_kernel_of_the_course_is_taken_whatever_the_user_installed(
    course, tmp_path, monkeypatch
):
    kernel = tmp_path / "jupyter/kernels/python3"
    kernel.mkdir(parents=True)
    argv = ["/bin/false", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Another", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    assert KernelSpecManager().get_kernel_spec("python3").argv[0] == "/bin/false"
    options = ("--folder", tmp_path, "--course", REPOSITORY / "assignments")
    cnnlab("check", "2", *options)
    assert "There is no answer yet." in cnnlab("check", "2", *options).output
    result = cnnlab("grade", TINY, "--student", "ann", "--course", course.root)
    assert "ann: 5 of 5" in result.output


@pytest.mark.parametrize(
    ("content", "said"), [("", "damaged"), ('{"cells": [', "damaged"), ("[]", "not a")]
)
def test_a_learner_with_a_broken_notebook_reads_one_line(tmp_path, content, said):
    options = ("--folder", tmp_path, "--course", REPOSITORY / "assignments")
    (tmp_path / "02_cifar10_modern_cnn.ipynb").write_text(content)
    result = cnnlab("check", "2", *options)
    assert result.exit_code == 1
    assert said in result.output
    assert result.output.count("Save it again") == 1
