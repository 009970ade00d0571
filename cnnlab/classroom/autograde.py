"""nbgrader's autograding with two steps of our own: restore the cells, mark outside.

`assignments/nbgrader_config.py` gives both to nbgrader, so that `nbgrader autograde`
and the formgrader's button mark exactly as `cnnlab grade` does.
"""

import hashlib
import logging
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import compute_checksum, is_grade, is_solution
from traitlets import Bool, Instance

from cnnlab.classroom import arrivals, exercise, sandbox, submission
from cnnlab.classroom.harmless import make_harmless
from cnnlab.classroom.mark import judge
from cnnlab.classroom.records import write_record
from cnnlab.classroom.restore import grade_id, restore
from cnnlab.classroom.run import run


def course_paths(resources):
    """Finds the folders of one submission from nbgrader's resources."""
    names = resources["nbgrader"]
    root = Path(resources["metadata"]["path"]).parents[2]
    return root, names["assignment"], names["student"], names["notebook"]


class RestoreCells(NbGraderPreprocessor):
    """Takes the student's answers and puts every other released cell back."""

    def preprocess(self, nb, resources):
        """Returns the notebook with the released cells in their released state."""
        root, assignment, _, notebook = course_paths(resources)
        folder = resources["metadata"]["path"]
        if reason := submission.problem(folder, f"{notebook}.ipynb"):
            raise ValueError(reason)
        path = root / "release" / assignment / f"{notebook}.ipynb"
        return restore(nb, nbformat.read(path, as_version=4)), resources


class MarkOutside(NbGraderPreprocessor):
    """Runs a submission in the sandbox and writes its marks into the gradebook."""

    unsafe = Bool(False, help="Run students' code as yourself.").tag(config=True)
    limits = Instance(sandbox.Limits, args=()).tag(config=True)

    def preprocess(self, nb, resources):
        """Returns the executed notebook; marks and hints are in the gradebook."""
        if self.unsafe:
            logging.getLogger("cnnlab").warning("unsafe: no sandbox is used")
        elif problem := sandbox.find_problem():
            raise RuntimeError(problem)
        root, assignment, student, notebook = course_paths(resources)
        exercises = exercise.read(root / "source" / assignment / f"{notebook}.ipynb")
        came = (
            root / "submitted" / student / assignment / f"{notebook}.ipynb"
        ).read_bytes()
        cases = {each.name: each.draw(seed(student, came)) for each in exercises}
        folder = root / "autograded" / student / assignment
        executed, answers, reason = run(nb, cases, self.limits, folder, not self.unsafe)
        marks = [judge(each, cases[each.name], answers, reason) for each in exercises]
        with Gradebook(resources["nbgrader"]["db_url"]) as gradebook:
            save(gradebook, marks, assignment, student, notebook, _unanswered(nb))
            if moment := arrivals.arrived(root, assignment, student, came):
                found = gradebook.find_submission(assignment, student)
                found.timestamp = moment  # whatever timestamp.txt says
                gradebook.db.commit()
        record = {"marks": [mark.as_dict() for mark in marks], "reason": reason}
        record["own_time"] = arrivals.is_claimed(root, assignment, student, came)
        write_record(root, assignment, student, record)
        return make_harmless(executed), resources


def seed(student, notebook):
    """Returns the text that a student's cases are drawn by.

    Inputs can be printed and so be read in the feedback: another attempt gets others.

    Args:
        student: The student's name.
        notebook: Bytes of the notebook that was handed in.
    """
    return f"{student}/{hashlib.sha256(notebook).hexdigest()}"


def _unanswered(notebook):
    """Names the written answers that are still as they were handed out."""
    return {
        grade_id(cell)
        for cell in notebook.cells
        if is_grade(cell)
        and is_solution(cell)
        and compute_checksum(cell) == cell.metadata.nbgrader.get("checksum")
    }


def save(gradebook, marks, assignment, student, notebook, unanswered=()):
    """Writes marks and hints into nbgrader's gradebook, in one transaction.

    Args:
        gradebook: An open `nbgrader.api.Gradebook`.
        marks: List of `Mark`s.
        assignment: Its name.
        student: The student's name.
        notebook: The notebook's name.
        unanswered: Names of written answers that get no points without a reader.
    """
    by_name = {mark.name: mark for mark in marks}
    submission = gradebook.find_submission_notebook(notebook, assignment, student)
    for grade in submission.grades:
        mark = by_name.get(grade.name)
        nothing = 0.0 if grade.name in unanswered else None
        grade.auto_score = mark.points if mark else nothing
        waits = grade.auto_score is None or grade.manual_score is not None
        grade.needs_manual_grade = waits
    for comment in submission.comments:
        mark = by_name.get(comment.name.removeprefix("answer-"))
        comment.auto_comment = "\n".join(mark.lines) or None if mark else None
    gradebook.db.commit()
