"""What was handed in, and what is known about it: the record of each submission.

What is finished is known from its record, which names the very files it came from; so a
grading that was killed goes on where it stopped, and only what changed is done again.
"""

import hashlib
import itertools
import json
import os

from cnnlab.classroom import submission
from cnnlab.classroom.errors import CourseError

REFUSED = "refused"  # the reason in the record of what could not be graded


def students(course, assignment):
    """Lists who handed an assignment in.

    A folder whose name is decomposed Unicode, as a Mac writes it, is renamed.

    Returns:
        `(names, refused)`: students' names, and folders whose names cannot be names.
    """
    folders = sorted((course.root / "submitted").glob("*"))
    handed_in = [each for each in folders if os.path.lexists(each / assignment)]
    names, refused = [], []
    for folder in handed_in:
        name = submission.plain_name(folder.name)
        if submission.is_name(name) and _is_called(folder, name):
            names.append(name)
        else:
            refused.append(folder.name)
    return names, refused


def _is_called(folder, name):
    """Says whether a folder bears a name, and renames it if it is written otherwise."""
    if folder.name == name:
        return True
    if folder.is_symlink() or os.path.lexists(folder.with_name(name)):
        return False
    folder.rename(folder.with_name(name))
    return True


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


def path_of_record(root, assignment, student):
    """Returns where a record lies: no file of a student is ever copied there."""
    return root / "marks" / assignment / f"{student}.json"


def read_record(course, assignment, student):
    """Reads what grading wrote about a submission; an empty dict if nothing."""
    try:
        text = path_of_record(course.root, assignment, student).read_text("utf-8")
        return json.loads(text)
    except (OSError, ValueError):
        return {}


def refusal(record):
    """Says why a submission could not be graded; None if it was graded."""
    if record.get("reason") != REFUSED:
        return None
    return "; ".join(
        dict.fromkeys(line for m in record["marks"] for line in m["lines"])
    )


def write_record(root, assignment, student, record):
    """Writes a record for feedback and reports, whole or not at all.

    Args:
        root: Folder of the course.
        assignment: Its full name.
        student: The student's name.
        record: Dict with `marks` (list of dicts), `reason` (why the run was stopped,
            or None), `own_time` (whether only the student says when it came) and, when
            all is done, `of` (a `fingerprint`).
    """
    path = path_of_record(root, assignment, student)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(record, indent=1), encoding="utf-8")
    new.replace(path)


def fingerprint(course, assignment, student):
    """Returns a digest of a submission's files and of the assignment's source."""
    digest = hashlib.sha256(course.source(assignment).read_bytes())
    folder = course.root / "submitted" / student / assignment
    try:
        digest.update(folder.lstat().st_mode.to_bytes(4, "big"))
        found = () if folder.is_symlink() else submission.entries(folder)
        for name, _, status in itertools.islice(found, submission.MAX_FILES + 1):
            text = f"{status.st_size}/{status.st_mtime_ns}"
            digest.update(os.fsencode(name) + text.encode())
    except OSError as error:
        digest.update(type(error).__name__.encode())
    return digest.hexdigest()
