"""A class graded: one process a submission, several at a time, each on its own.

A grading that was killed takes its processes along; `records` knows what was finished.
"""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import wait
from pathlib import Path

import nbformat
import psutil
from nbgrader.converters import Autograde

from cnnlab.classroom import (
    bounds,
    cgroup,
    exercise,
    folders,
    records,
    sandbox,
    submission,
)
from cnnlab.classroom.autograde import save
from cnnlab.classroom.course import Course
from cnnlab.classroom.errors import CourseError
from cnnlab.classroom.mark import Mark
from cnnlab.classroom.records import fingerprint, read_record, write_record

PROCESSES = multiprocessing.get_context("forkserver")
STARTING_SECONDS = 120  # beyond the limit of the submission itself
READING_MEGABYTES = 4000  # that the process of one submission may take
LONGEST_LINE = 2000  # characters of the log
FAILED = "This submission could not be graded. Ask your instructor to look at it."


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
        CourseError: If there is no sandbox, or it would show the course, or nothing
            was released.
    """
    if not unsafe:
        _require_sandbox(course)
    folders.remove_leftovers({os.geteuid(), sandbox.owner()})
    cgroup.remove_leftovers(psutil.pid_exists)
    course.released(assignment)
    PROCESSES.set_forkserver_preload(["cnnlab.classroom.grade"])
    waiting, running = list(names), {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                student = waiting.pop(0)
                process = PROCESSES.Process(
                    target=_grade_quietly,
                    args=(course.root, assignment, student, unsafe),
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


def _require_sandbox(course):
    if problem := sandbox.find_problem():
        raise CourseError(problem)
    if sandbox.is_visible(course.root):
        raise CourseError(
            "A course must not lie inside a folder of Python or of the system, which "
            f"students' code can read. Received: {course.root}"
        )


def _finished(running, course):
    """Takes out the processes that have ended or have run beyond all limits."""
    ended = wait(list(running), timeout=1)
    limits = course.config.MarkOutside.get("limits", sandbox.Limits())
    allowed = limits.seconds + STARTING_SECONDS
    for sentinel, (process, student, started) in list(running.items()):
        if sentinel not in ended and time.monotonic() - started < allowed:
            continue
        process.kill()
        process.join()
        del running[sentinel]
        yield process, student


def _grade_quietly(root, assignment, student, unsafe):
    """Grades one submission; what goes wrong stands in the log."""
    try:
        _grade_one(root, assignment, student, unsafe)
    except Exception:
        logging.getLogger("cnnlab").exception("%s: %s failed", student, assignment)
        sys.exit(1)


def _grade_one(root, assignment, student, unsafe):
    """Grades one submission, in its own process that dies with the grader."""
    threading.Thread(target=_die_with_grader, daemon=True).start()
    bounds.limit_memory(READING_MEGABYTES)
    log_to(root)
    course = Course(root)
    course.config.MarkOutside.unsafe = unsafe
    records.path_of_record(root, assignment, student).unlink(missing_ok=True)
    before = fingerprint(course, assignment, student)
    folder = course.root / "submitted" / student / assignment
    if reason := submission.problem(folder, f"{assignment}.ipynb"):
        refuse(course, assignment, student, reason)
    else:
        course.convert(Autograde, assignment, student)
    record = read_record(course, assignment, student)
    if not record:
        raise CourseError(f"No marks were written for {student}")
    write_record(root, assignment, student, {**record, "of": before})


def _die_with_grader():
    """Ends this process, and with it the sandbox, as soon as the grader is gone."""
    wait([multiprocessing.parent_process().sentinel])
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(course, assignment, student, reason):
    """Gives no points to a submission that cannot be graded, and says why."""
    exercises = exercise.read(course.source(assignment))
    marks = [
        Mark(each.name, 0.0, each.points, [reason], [reason]) for each in exercises
    ]
    with course.gradebook() as gradebook:
        gradebook.update_or_create_student(student)
        gradebook.update_or_create_submission(assignment, student)
        save(gradebook, marks, assignment, student, assignment, ["explain"])
    folder = course.root / "autograded" / student / assignment
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(course.released(assignment), folder / f"{assignment}.ipynb")
    record = {"marks": [mark.as_dict() for mark in marks], "reason": records.REFUSED}
    record["of"] = fingerprint(course, assignment, student)
    write_record(course.root, assignment, student, record)


class _Cut(logging.Formatter):
    """Cuts a line: what a student's kernel sends as a signature is logged whole."""

    def format(self, record):
        text = super().format(record)
        if len(text) <= LONGEST_LINE:
            return text
        return f"{text[: LONGEST_LINE // 2]} ... {text[-LONGEST_LINE // 2 :]}"


def log_to(root):
    """Sends what nbgrader and the sandbox have to say into the course's log."""
    handler = logging.FileHandler(Path(root) / "grading.log")
    handler.setFormatter(_Cut("%(asctime)s %(levelname)s %(message)s"))
    for name in ("traitlets", "cnnlab"):
        logger = logging.getLogger(name)
        for old in logger.handlers:
            old.close()
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False
