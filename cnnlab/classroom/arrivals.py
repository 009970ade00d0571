"""When work arrived, as the platform or the exchange says, kept out of students' reach.

nbgrader takes the time from `timestamp.txt` beside the notebook, which a student can
hand in, too. What was collected is therefore noted here, with the notebook it is about.
"""

import hashlib
import json
from datetime import datetime


def _place(root, assignment, student):
    return root / "collected" / assignment / f"{student}.json"


def note(root, assignment, student, notebook, moment):
    """Notes when a notebook arrived.

    Args:
        root: Folder of the course.
        assignment: Its full name.
        student: The student's name.
        notebook: Bytes of the notebook.
        moment: A `datetime` in UTC, or None if nobody knows.
    """
    path = _place(root, assignment, student)
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {"notebook": hashlib.sha256(notebook).hexdigest()}
    found["time"] = moment.isoformat() if moment else None
    path.write_text(json.dumps(found), encoding="utf-8")


def is_claimed(root, assignment, student, notebook):
    """Says whether the time of a notebook is known from a student's file alone."""
    folder = root / "submitted" / student / assignment
    known = arrived(root, assignment, student, notebook)
    return known is None and (folder / "timestamp.txt").exists()


def arrived(root, assignment, student, notebook):
    """Returns when this very notebook arrived, or None if nothing was noted."""
    try:
        text = _place(root, assignment, student).read_text(encoding="utf-8")
        found = json.loads(text)
    except OSError:
        return None
    if found["notebook"] != hashlib.sha256(notebook).hexdigest() or not found["time"]:
        return None
    return datetime.fromisoformat(found["time"])
