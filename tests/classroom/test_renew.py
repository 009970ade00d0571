"""Courses that change after submissions came, and courses in folders of any name."""

import nbformat
import pytest
from conftest import (
    DOUBLE,
    TINY,
    TOTAL,
    answered,
    grade_all,
    hand_in,
    make_course,
    points,
)
from test_release import rename_total

from cnnlab.classroom import feedback, report
from cnnlab.classroom.release import release

RIGHT = {"answer-double": DOUBLE, "answer-total": TOTAL, "explain": "In my words."}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course that was released anew, an exercise renamed, after ann was graded."""
    course = make_course(tmp_path_factory.mktemp("renewed"))
    course.old = answered(course, RIGHT)
    hand_in(course, "ann", course.old)
    grade_all(course, ["ann"])
    with course.gradebook() as gradebook:
        gradebook.find_grade("explain", TINY, TINY, "ann").manual_score = 1.5
        gradebook.db.commit()
    source = nbformat.read(course.source(TINY), as_version=4)
    rename_total(source)
    nbformat.write(source, course.source(TINY))
    release(course, TINY)
    return course


def marks(course, student):
    """Reads a student's scores and most scores from the gradebook."""
    with course.gradebook() as gradebook:
        found = gradebook.find_submission_notebook(TINY, TINY, student)
        assert {each.name for each in found.comments} == {
            "answer-double",
            "answer-summed",
            "explain",
        }
        return {each.name: (each.score, each.max_score) for each in found.grades}


def test_a_new_release_keeps_the_marks_of_cells_that_stay(course):
    assert marks(course, "ann") == {
        "double": (2, 2),
        "summed": (0, 3),
        "explain": (1.5, 2),
    }


def test_both_versions_are_graded_after_a_new_release(course):
    new = RIGHT | {"answer-summed": TOTAL.replace("total", "summed")}
    hand_in(course, "bob", answered(course, new))
    hand_in(course, "cleo", course.old)
    found = grade_all(course, ["ann", "bob", "cleo"])
    assert points(found["bob"]) == {"double": 2, "summed": 3}
    assert points(found["cleo"]) == points(found["ann"]) == {"double": 2, "summed": 0}
    assert marks(course, "bob")["summed"] == (3, 3)
    assert marks(course, "ann")["explain"] == (1.5, 2)


@pytest.mark.parametrize(
    "name", ["CNN [WS26]", "why*", "Übung Köln", "a{x}(b)", "C# 100%", "so?"]
)
def test_a_course_lies_in_a_folder_of_any_name(tmp_path, name):
    course = make_course(tmp_path / name)
    hand_in(course, "ann", answered(course, RIGHT))
    found = grade_all(course, ["ann"])
    assert points(found["ann"]) == {"double": 2, "total": 3}
    assert found["ann"]["reason"] is None
    assert "ann" in feedback.write(course, TINY, "ann").read_text()
    _, table = report.write(course, TINY, ["ann"])
    assert ",ann," in table.read_text()
    assert sorted(each.name for each in tmp_path.iterdir()) == [name]
