"""What was handed in, and what is known about it: the record of each submission.

What is finished is known from its record, which names the very files it came from; so a
grading that was killed goes on where it stopped, and only what changed is done again.
"""

import hashlib
import json
import os

from cnnlab.classroom import submission
from cnnlab.classroom.errors import CourseError


def students(course, assignment):
    """Lists who handed an assignment in.

    Returns:
        `(names, refused)`: students' names, and folders whose names cannot be names.
    """
    folders = sorted((course.root / "submitted").glob("*"))
    handed_in = [each.name for each in folders if os.path.lexists(each / assignment)]
    names = [name for name in handed_in if submission.is_name(name)]
    return names, [name for name in handed_in if name not in names]


def choose(course, assignment, names, student=None):
    """Lists the submissions to grade: those without marks, or one that is named.

    Raises:
        CourseError: If the student named handed nothing in.
    """
    if student is None:
        return [name for name in names if not is_graded(course, assignment, name)]
    if student not in names:
        raise CourseError(
            f"{assignment} was handed in by {', '.join(names)}. Received: {student}"
        )
    return [student]


def is_graded(course, assignment, student):
    """Says whether the record of a submission belongs to the files as they are."""
    record = read_record(course, assignment, student)
    return record.get("of") == fingerprint(course, assignment, student)


def place(root, assignment, student):
    """Returns where a record lies: no file of a student is ever copied there."""
    return root / "marks" / assignment / f"{student}.json"


def read_record(course, assignment, student):
    """Reads what grading wrote about a submission; an empty dict if nothing."""
    try:
        text = place(course.root, assignment, student).read_text(encoding="utf-8")
        return json.loads(text)
    except (OSError, ValueError):
        return {}


def write_record(root, assignment, student, record):
    """Writes a record for feedback and reports, whole or not at all.

    Args:
        root: Folder of the course.
        assignment: Its full name.
        student: The student's name.
        record: Dict with `marks` (list of dicts), `reason` (why the run was stopped,
            or None) and, when all is done, `of` (a `fingerprint`).
    """
    path = place(root, assignment, student)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(record, indent=1), encoding="utf-8")
    new.replace(path)


def fingerprint(course, assignment, student):
    """Returns a digest of a submission's files and of the assignment's source."""
    digest = hashlib.sha256(course.source(assignment).read_bytes())
    folder = course.root / "submitted" / student / assignment
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        name = path.relative_to(folder)
        digest.update(f"{name}/{status.st_size}/{status.st_mtime_ns}".encode())
    return digest.hexdigest()
