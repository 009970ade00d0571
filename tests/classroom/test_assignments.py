"""Every exercise of every assignment: what earns points, and what is said."""

import io
from copy import deepcopy
from dataclasses import replace

import nbformat
import numpy as np
import pytest
from conftest import ASSIGNMENTS, cell, in_own_process

from cnnlab.classroom import exercise, practice, sandbox
from cnnlab.classroom.exercise import HIDDEN
from cnnlab.classroom.mark import judge
from cnnlab.classroom.run import run

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


def answers_in(notebook):
    """Returns the sources of the cells that hold answers, by their names."""
    marked = [(c, c.metadata.get("nbgrader", {})) for c in notebook.cells]
    return {m["grade_id"]: c.source for c, m in marked if m.get("solution")}


def session(notebook, exercises, variants):
    """Builds a notebook in which every variant answers every exercise, in turn.

    Returns:
        `(notebook, cases)`, as `run` takes them. A function is known by its own name
        and that of the variant.
    """
    plain = [c for c in notebook.cells if not c.metadata.get("nbgrader")]
    cells = [c for c in plain if c.cell_type == "code"]
    cases = {}
    for variant, sources in variants.items():
        for each in exercises:
            name = f"{each.name}_{variant}"
            source = sources.get(f"answer-{each.name}")
            if source is not None:
                source += f"\n{name} = {each.name}\n"
                cells += [nbformat.v4.new_code_cell(source), cell("", name, 1)]
                cases[name] = each.draw("anybody")
    return nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata), cases


@pytest.fixture(scope="module", params=NAMES)
def graded(request, tmp_path_factory):
    """An assignment's exercises, and the marks of solution, blank and mistakes.

    All of them are run in one sandbox.
    """
    path, notebook = source_of(request.param)
    exercises = exercise.read(path)
    blank = tmp_path_factory.mktemp("blank") / path.name
    practice.start(path, blank)
    variants = {
        "solution": answers_in(notebook),
        "blank": answers_in(nbformat.read(blank, as_version=4)),
    }
    for number in range(max(len(each.mistakes) for each in exercises)):
        variants[f"mistake{number}"] = wrong_answers(notebook, exercises, number)
    made, cases = session(notebook, exercises, variants)
    _, answers, reason = in_own_process(run, made, cases, sandbox.Limits())
    marks = {
        (each.name, variant): judge(
            replace(each, name=name), cases[name], answers, reason
        )
        for variant in variants
        for each in exercises
        if (name := f"{each.name}_{variant}") in cases
    }
    return exercises, marks


def test_three_to_six_exercises_and_one_free_text():
    for name in NAMES:
        _, notebook = source_of(name)
        markers = [c.metadata.get("nbgrader", {}) for c in notebook.cells]
        tests = [m for m in markers if m.get("grade") and not m["solution"]]
        written = [m for m in markers if m.get("grade") and m["solution"]]
        assert 3 <= len(tests) <= 6
        assert len(written) == 1


def test_the_solution_gets_full_marks(graded):
    exercises, marks = graded
    for each in exercises:
        assert marks[each.name, "solution"].points == each.points


def test_the_blank_gets_none(graded):
    exercises, marks = graded
    for each in exercises:
        assert marks[each.name, "blank"].points == 0
        assert marks[each.name, "blank"].lines == ["There is no answer yet."]


def test_each_mistake_loses_points_and_gets_its_hint(graded):
    exercises, marks = graded
    for each in exercises:
        assert len(each.mistakes) >= 2
        for number, mistake in enumerate(each.mistakes):
            mark = marks[each.name, f"mistake{number}"]
            assert mark.points < each.points, mistake.__name__
            assert mistake.hint in "\n".join(mark.lines), mistake.__name__


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
