"""Every exercise of every assignment: what earns points, and what is said."""

import io
from copy import deepcopy

import nbformat
import numpy as np
import pytest
from conftest import ASSIGNMENTS, answered, grade_all, hand_in, lines, make_course

from cnnlab.classroom import exercise
from cnnlab.classroom.exercise import HIDDEN
from cnnlab.classroom.mark import judge

NAMES = sorted(path.name for path in (ASSIGNMENTS / "source").glob("[0-9][0-9]_*"))
IMPORT = "from cnnlab.classroom.exercise import case, mistake\n"
STUBS = "def mistake(hint):\n    return lambda function: function\n\n\n"


def source_of(name):
    """Reads a source notebook."""
    path = ASSIGNMENTS / "source" / name / f"{name}.ipynb"
    return path, nbformat.read(path, as_version=4)


def wrong_answers(notebook, exercises, number):
    """Answers each exercise with its mistake of that number, helpers included."""
    sources = {}
    for each in exercises:
        if number < len(each.mistakes):
            test = next(c for c in notebook.cells if c.id == each.name)
            hidden = HIDDEN.search(test.source)[1].removeprefix(IMPORT)
            wrong = f"\n{each.name} = {each.mistakes[number].__name__}\n"
            sources[f"answer-{each.name}"] = STUBS + hidden + wrong
    return sources


@pytest.fixture(scope="module", params=NAMES)
def graded(request, tmp_path_factory):
    """An assignment's exercises, and the records of solution, blank and mistakes."""
    course = make_course(tmp_path_factory.mktemp("assignments"), request.param)
    path, notebook = source_of(request.param)
    exercises = exercise.read(path)
    hand_in(course, "solution", notebook, request.param)
    hand_in(course, "blank", course.released(request.param), request.param)
    students = ["solution", "blank"]
    for number in range(max(len(each.mistakes) for each in exercises)):
        sources = wrong_answers(notebook, exercises, number)
        students.append(f"mistake{number}")
        wrong = answered(course, sources, request.param)
        hand_in(course, students[-1], wrong, request.param)
    return exercises, grade_all(course, students, request.param)


def test_three_to_six_exercises_and_one_free_text():
    for name in NAMES:
        _, notebook = source_of(name)
        markers = [c.metadata.get("nbgrader", {}) for c in notebook.cells]
        tests = [m for m in markers if m.get("grade") and not m["solution"]]
        written = [m for m in markers if m.get("grade") and m["solution"]]
        assert 3 <= len(tests) <= 6
        assert len(written) == 1


def test_the_solution_gets_full_marks(graded):
    exercises, records = graded
    for each, mark in zip(exercises, records["solution"]["marks"], strict=True):
        assert (mark["name"], mark["points"]) == (each.name, each.points)


def test_the_blank_gets_none(graded):
    _, records = graded
    for mark in records["blank"]["marks"]:
        assert mark["points"] == 0
        assert mark["lines"] == ["There is no answer yet."]


def test_each_mistake_loses_points_and_gets_its_hint(graded):
    exercises, records = graded
    for each in exercises:
        assert len(each.mistakes) >= 2
        for number, mistake in enumerate(each.mistakes):
            record = records[f"mistake{number}"]
            mark = next(m for m in record["marks"] if m["name"] == each.name)
            assert mark["points"] < each.points, mistake.__name__
            assert mistake.hint in lines(record, each.name), mistake.__name__


@pytest.mark.parametrize("name", NAMES)
def test_no_student_gets_the_numbers_of_another(name):
    for each in exercise.read(source_of(name)[0]):
        ann, bob, again = (each.draw(student) for student in ("ann", "bob", "ann"))
        assert repr(ann) == repr(again)
        assert repr(ann) != repr(bob)


@pytest.mark.parametrize("name", NAMES)
def test_the_public_checks_know_two_mistakes_and_pass_the_solution(name):
    path, notebook = source_of(name)
    names = {"__name__": "source"}
    for each in notebook.cells:
        if each.cell_type == "code":
            exec(HIDDEN.sub("", each.source), names)
        if each.metadata.get("nbgrader", {}).get("locked"):
            assert "mistakes=" in each.source


def answers_of(function, name, cases):
    """Saves what a function returns, as the sandbox does."""
    answers = {}
    for number, case in enumerate(cases):
        file = io.BytesIO()
        with np.errstate(all="ignore"):
            np.save(file, function(*deepcopy(case.arguments)))
        answers[f"{name}.{number}.npy"] = file.getvalue()
    return answers


@pytest.mark.parametrize("name", NAMES)
def test_hints_are_right_whatever_the_student_is_called(name):
    for each in exercise.read(source_of(name)[0]):
        for student in map(str, range(50)):
            cases = each.draw(student)
            for wrong in each.mistakes:
                mark = judge(each, cases, answers_of(wrong, each.name, cases))
                assert mark.points < each.points, (each.name, wrong.hint)
                assert wrong.hint in "\n".join(mark.lines), (student, wrong.hint)
