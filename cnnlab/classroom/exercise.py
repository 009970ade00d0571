"""Exercises read from the source of an assignment: the one place they are written.

A test cell of the source bears the name of the student's function as its grade id. Its
hidden part defines `cases(random)` and, with `@mistake`, what students get wrong; the
reference is the solution in the same notebook. None of it enters a sandbox.
"""

import hashlib
import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import nbformat
import numpy as np

HIDDEN = re.compile(
    r"^[^\n]*BEGIN HIDDEN TESTS[^\n]*\n(.*?)^[^\n]*END HIDDEN TESTS", re.DOTALL | re.M
)


@dataclass(frozen=True)
class Case:
    """Arguments for one call, the points for a right result, and what it is about."""

    arguments: tuple
    points: float
    about: str
    tolerance: float = 1e-4


def case(*arguments, points, about, tolerance=1e-4):
    """Makes a `Case`; arguments are numbers and arrays."""
    return Case(arguments, points, about, tolerance)


def mistake(hint):
    """Marks a function as a typical wrong answer and says what to tell its author."""

    def keep(function):
        function.hint = hint
        return function

    return keep


@dataclass(frozen=True)
class Exercise:
    """One function to write, how it is tried, and what is said about wrong answers."""

    name: str
    points: float
    reference: Callable
    cases: Callable
    mistakes: tuple

    def draw(self, student):
        """Draws the cases of one student; the same name gives the same cases."""
        digest = hashlib.sha256(f"{self.name}/{student}".encode()).digest()
        return list(self.cases(np.random.default_rng(list(digest))))

    def expected(self, case):
        """Computes the right result of a case."""
        return np.asarray(self.reference(*deepcopy(case.arguments)))


def read(path):
    """Reads the exercises of an assignment.

    The code of the notebook is executed in this process: it is the instructor's own.

    Args:
        path: The source notebook, solutions and hidden tests included.

    Returns:
        A list of `Exercise`s in the order of the notebook.

    Raises:
        ValueError: If a hidden part is missing, or its points are not those of the
            cell.
    """
    exercises, names = [], {"__name__": "source"}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        marker = cell.metadata.get("nbgrader", {})
        if marker.get("grade") and not marker.get("solution"):
            exercises.append(_exercise(cell, marker, names))
        else:
            exec(compile(cell.source, str(path), "exec"), names)
    return exercises


def _exercise(cell, marker, names):
    name, hidden = marker["grade_id"], HIDDEN.search(cell.source)
    if not hidden or name not in names:
        raise ValueError(
            "A test cell bears the name of a function that the cells above define, "
            f"and has a hidden part. Received: {name!r}"
        )
    inside = dict(names)
    exec(compile(hidden[1], f"hidden tests of {name}", "exec"), inside)
    mistakes = tuple(value for value in inside.values() if hasattr(value, "hint"))
    exercise = Exercise(name, marker["points"], names[name], inside["cases"], mistakes)
    total = sum(case.points for case in exercise.draw("anybody"))
    if total != exercise.points:
        raise ValueError(
            "The points of the cases must add up to those of the cell. "
            f"Received: {total:g} of {exercise.points} in {name!r}"
        )
    return exercise
