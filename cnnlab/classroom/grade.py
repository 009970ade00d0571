"""A class graded: one process a submission, several at a time, resumable.

What is finished is known from its record, which names the very files it came from; so a
grading that was killed goes on where it stopped, and only what changed is done again.
"""

import hashlib
import json
import logging
import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.connection import wait
from pathlib import Path

import nbformat
from nbgrader.converters import Autograde

from cnnlab.classroom import exercise, sandbox, submission
from cnnlab.classroom.autograde import RECORD, save, write_record
from cnnlab.classroom.course import Course
from cnnlab.classroom.errors import CourseError
from cnnlab.classroom.mark import Mark

PROCESSES = multiprocessing.get_context("forkserver")
STARTING_SECONDS = 120  # beyond the limit of the submission itself
FAILED = "This submission could not be graded. Ask your instructor to look at it."


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


def read_record(course, assignment, student):
    """Reads what grading wrote about a submission; an empty dict if nothing."""
    path = course.root / "autograded" / student / assignment / RECORD
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def fingerprint(course, assignment, student):
    """Returns a digest of a submission's files and of the assignment's source."""
    digest = hashlib.sha256(course.source(assignment).read_bytes())
    folder = course.root / "submitted" / student / assignment
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        digest.update(f"{path.name}/{status.st_size}/{status.st_mtime_ns}".encode())
    return digest.hexdigest()


def grade(course, assignment, names, jobs=2, unsafe=False):
    """Grades submissions, each in a process of its own.

    Args:
        course: `Course`.
        assignment: Its full name.
        names: Students' names.
        jobs: How many at a time.
        unsafe: Whether students' code runs as the grader, without a sandbox.

    Yields:
        `(student, record)` as each is finished.

    Raises:
        CourseError: If there is no sandbox, or nothing was released.
    """
    if not unsafe and (problem := sandbox.trouble()):
        raise CourseError(problem)
    course.released(assignment)
    PROCESSES.set_forkserver_preload(["cnnlab.classroom.grade"])
    waiting, running = list(names), {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                student = waiting.pop(0)
                process = PROCESSES.Process(
                    target=_grade_one, args=(course.root, assignment, student, unsafe)
                )
                process.start()
                running[process.sentinel] = process, student, time.monotonic()
            for process, student in _finished(running, course):
                if process.exitcode:
                    refuse(course, assignment, student, FAILED)
                yield student, read_record(course, assignment, student)
    finally:
        for process, *_ in running.values():
            process.kill()


def _finished(running, course):
    """Takes out the processes that have ended or have run beyond all limits."""
    ended = wait(list(running), timeout=1)
    allowed = sandbox.Limits().seconds + STARTING_SECONDS
    for sentinel, (process, student, started) in list(running.items()):
        if sentinel not in ended and time.monotonic() - started < allowed:
            continue
        process.kill()
        process.join()
        del running[sentinel]
        yield process, student


def _grade_one(root, assignment, student, unsafe):
    """Grades one submission, in its own process that dies with the grader."""
    threading.Thread(target=_die_with_grader, daemon=True).start()
    log_to(root)
    course = Course(root)
    course.config.MarkOutside.unsafe = unsafe
    before = fingerprint(course, assignment, student)
    folder = course.root / "submitted" / student / assignment
    if reason := submission.problem(folder, f"{assignment}.ipynb"):
        refuse(course, assignment, student, reason)
    else:
        course.convert(Autograde, assignment, student)
    record = read_record(course, assignment, student)
    if not record:
        raise CourseError(f"No marks were written for {student}")
    _replace_record(course, assignment, student, {**record, "of": before})


def _die_with_grader():
    """Ends this process, and with it the sandbox, as soon as the grader is gone."""
    wait([multiprocessing.parent_process().sentinel])
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(course, assignment, student, reason):
    """Gives no points to a submission that cannot be graded, and says why."""
    exercises = exercise.read(course.source(assignment))
    marks = [Mark(each.name, 0.0, each.points, [reason]) for each in exercises]
    with course.gradebook() as gradebook:
        gradebook.update_or_create_student(student)
        gradebook.update_or_create_submission(assignment, student)
        save(gradebook, marks, assignment, student, assignment, ["explain"])
    folder = course.root / "autograded" / student / assignment
    write_record(folder, marks, "refused")
    nbformat.write(course.released(assignment), folder / f"{assignment}.ipynb")
    record = read_record(course, assignment, student)
    record["of"] = fingerprint(course, assignment, student)
    _replace_record(course, assignment, student, record)


def _replace_record(course, assignment, student, record):
    path = course.root / "autograded" / student / assignment / RECORD
    new = path.with_suffix(".new")
    new.write_text(json.dumps(record, indent=1), encoding="utf-8")
    new.replace(path)


def log_to(root):
    """Sends what nbgrader and the sandbox have to say into the course's log."""
    handler = logging.FileHandler(Path(root) / "grading.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name in ("traitlets", "cnnlab"):
        logger = logging.getLogger(name)
        for old in logger.handlers:
            old.close()
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False
