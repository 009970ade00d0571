"""What an instructor is told: who could not be graded, whose time is unknown, CSV."""

import csv
import subprocess
import sys

import pytest
from conftest import DOUBLE, TINY, TOTAL, answered, grade_all, hand_in, make_course
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from cnnlab.classroom import arrivals, records, report
from cnnlab.classroom import grade as grading
from cnnlab.classroom.export import escape
from cnnlab.cli import app

RIGHT = {"answer-double": DOUBLE, "answer-total": TOTAL}


def cnnlab(*arguments):
    """Runs the command line in this process."""
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course where one submission is damaged and one name is impossible."""
    course = make_course(tmp_path_factory.mktemp("reports"))
    notebook = answered(course, RIGHT)
    for name in ("ann", "+B2", "tess"):
        hand_in(course, name, notebook)
    hand_in(course, "-nobody", notebook)
    hand_in(course, "eve", notebook).write_text("{")
    (course.root / "submitted/tess" / TINY / "timestamp.txt").write_text(
        "2020-01-01 00:00:00 UTC"
    )
    course.result = cnnlab("grade", TINY, "--course", course.root)
    return course


def end(result):
    """Returns what is said after the heading of those who were not graded."""
    return result.output.partition("NOT GRADED: 2, the others are graded.")[2]


def test_grading_ends_with_an_error_that_names_who_was_refused(course):
    assert course.result.exit_code == 1
    assert "eve: The notebook is damaged" in end(course.result)
    assert "'-nobody' cannot be a student's name" in end(course.result)
    assert "ann:" not in end(course.result)
    for name in ("ann", "+B2", "tess"):
        record = records.read_record(course, TINY, name)
        assert [mark["points"] for mark in record["marks"]] == [2, 3]


def test_who_was_refused_is_named_again_by_a_grading_with_nothing_to_do(course):
    result = cnnlab("grade", TINY, "--course", course.root)
    assert "0 to grade, 4 graded before" in result.output
    assert result.exit_code == 1
    assert end(result) == end(course.result)


def test_a_student_who_is_graded_alone_ends_without_an_error(course):
    result = cnnlab("grade", TINY, "--student", "ann", "--course", course.root)
    assert result.exit_code == 0, result.output
    assert "NOT GRADED" not in result.output


def test_a_process_that_fails_is_one_line_and_a_traceback_in_the_log(
    tmp_path, monkeypatch
):
    course = make_course(tmp_path)
    hand_in(course, "ann", answered(course, RIGHT))
    grading.log_to(course.root)
    monkeypatch.setattr(grading, "log_to", lambda root: None)
    monkeypatch.setattr(grading.bounds, "limit_memory", lambda megabytes: None)
    monkeypatch.setattr(grading.threading.Thread, "start", lambda self: None)
    monkeypatch.setattr(grading.submission, "problem", lambda *_: 1 / 0)
    with pytest.raises(SystemExit):
        grading._grade_quietly(course.root, TINY, "ann", False)
    assert "ZeroDivisionError" in (course.root / "grading.log").read_text()


def test_a_time_that_only_the_student_says_is_reported(course):
    line = "tess: the time comes from a timestamp.txt that lay in the copy"
    assert line in course.result.output
    assert course.result.output.count("the student's own word") == 1
    page, _ = report.write(course, TINY, ["ann", "tess"])
    _, _, claimed = page.read_text().partition("own word")
    assert "tess" in claimed
    assert "ann" not in claimed


def test_a_time_that_a_platform_noted_is_not_reported(course):
    path = course.root / "submitted/tess" / TINY / f"{TINY}.ipynb"
    notebook, moment = path.read_bytes(), arrivals.datetime(2026, 11, 20)
    assert arrivals.is_claimed(course.root, TINY, "tess", notebook)
    arrivals.note(course.root, TINY, "tess", notebook, moment)
    assert not arrivals.is_claimed(course.root, TINY, "tess", notebook)
    assert arrivals.is_claimed(course.root, TINY, "tess", b"another")


@pytest.mark.parametrize("text", ["=1+1", "+B2", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_text_that_a_spreadsheet_would_compute_is_escaped(text):
    assert escape(text) == f"'{text}"


@pytest.mark.parametrize("value", ["ann", "a=b", "müller-lüdenscheid", "", -1.5, None])
def test_other_values_stay_as_they_are(value):
    assert escape(value) == value


def rows(path):
    """Reads a table of grades by its students."""
    with open(path, encoding="utf-8", newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


@pytest.fixture
def named(course):
    """The course with a name that is a formula and holds a comma."""
    with Gradebook(course.config.CourseDirectory.db_url) as gradebook:
        gradebook.find_student("ann").last_name = "=HYPERLINK(1,2)"
        gradebook.db.commit()
    return course


def test_grades_hold_no_formula(named):
    _, table = report.write(named, TINY, ["ann", "+B2"])
    found = rows(table)
    assert set(found) == {"ann", "'+B2", "tess", "eve"}
    assert found["ann"]["last_name"] == "'=HYPERLINK(1,2)"
    assert float(found["ann"]["score"]) == 5
    assert float(found["'+B2"]["max_score"]) == 7


def test_the_export_of_nbgrader_holds_no_formula(named):
    code = "from nbgrader.apps import NbGraderApp\nNbGraderApp.launch_instance"
    code += "(['export', '--to', 'final.csv', '--student', '[\"ann\", \"+B2\"]'])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=named.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(rows(named.root / "final.csv")) == {"ann", "'+B2"}


def test_a_report_holds_records_from_before_a_new_release(course):
    record = records.read_record(course, TINY, "tess")
    record["marks"] = [{**record["marks"][0], "name": "renamed"}]
    records.write_record(course.root, TINY, "tess", record)
    page, _ = report.write(course, TINY, ["ann", "tess"])
    assert "renamed" in page.read_text()
    grade_all(course, ["tess"])
