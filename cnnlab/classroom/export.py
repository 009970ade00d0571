"""Everybody's final marks as CSV, which opens as a table and never as formulas.

A spreadsheet computes what begins with one of a few signs, and students choose their
names: such a text gets an apostrophe in front.
Source: https://owasp.org/www-community/attacks/CSV_Injection
"""

import csv

from nbgrader.api import MissingEntry
from nbgrader.plugins.export import ExportPlugin

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
OF_THE_ASSIGNMENT = ("assignment", "duedate")
OF_THE_STUDENT = ("student_id", "last_name", "first_name", "email")
POINTS = ("raw_score", "late_submission_penalty", "score", "max_score")
COLUMNS = (*OF_THE_ASSIGNMENT, "timestamp", *OF_THE_STUDENT, *POINTS)


class SafeCsvExport(ExportPlugin):
    """Writes the columns of nbgrader's own exporter; `nbgrader export` calls it."""

    def export(self, gradebook):
        """Writes one row for each student and assignment, `grades.csv` by default."""
        with open(self.to or "grades.csv", "w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(COLUMNS)
            for assignment in _wanted(gradebook.assignments, "name", self.assignment):
                for student in _wanted(gradebook.students, "id", self.student):
                    row = _row(gradebook, assignment, student)
                    table.writerow([escape(each) for each in row])


def _wanted(found, attribute, names):
    names = {str(name) for name in names}
    return [e for e in found if not names or getattr(e, attribute) in names]


def _row(gradebook, assignment, student):
    """Lists what stands in the columns; who handed nothing in has no points."""
    person = student.id, student.last_name, student.first_name, student.email
    first = assignment.name, assignment.duedate
    try:
        found = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:
        return *first, None, *person, 0.0, 0.0, 0.0, assignment.max_score
    penalty = found.late_submission_penalty
    points = found.score, penalty, max(0.0, found.score - (penalty or 0.0))
    return *first, found.timestamp, *person, *points, assignment.max_score


def escape(value):
    """Returns a value for a cell of CSV: a text that would be computed is quoted.

    Args:
        value: A text, a number, a `datetime` or None.

    Returns:
        The value; a text that begins like a formula has an apostrophe in front.
    """
    formula = isinstance(value, str) and value.startswith(FORMULAS)
    return f"'{value}" if formula else value
