"""What `cnnlab release | grade | feedback | check` do, with what they say."""

import os
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from cnnlab.classroom.errors import CourseError

console = Console()


def open_course(root):
    """Opens a course; imports nbgrader, which takes seconds."""
    with console.status("Starting nbgrader"):
        from cnnlab.classroom.course import Course
    return Course(root)


def release(root, name=None):
    """Builds student versions of all assignments, or of one."""
    course = open_course(root)
    from cnnlab.classroom.release import release as build

    for assignment in course.assignments(name):
        with console.status(f"Releasing {assignment}"):
            path = build(course, assignment)
        console.print(f"Hand out {path.parent}", soft_wrap=True)


def grade(root, name=None, student=None, jobs=None, unsafe=False):
    """Grades what is not graded yet; with a student's name, that one again.

    Returns:
        Whether everybody who handed in could be graded.
    """
    if jobs is not None and jobs < 1:
        raise CourseError(f"`--jobs` must be at least 1. Received: {jobs}")
    course = open_course(root)
    if unsafe:
        console.print("[bold red]--unsafe: students' code runs as you, on your files.")
    jobs, left_out = jobs or os.cpu_count(), []
    for assignment in course.assignments(name):
        left_out += _grade(course, assignment, student, jobs, unsafe)
    if left_out:
        console.print(f"[bold red]NOT GRADED: {len(left_out)}, the others are graded.")
    for each in left_out:
        console.print(each, style="red", markup=False, highlight=False, soft_wrap=True)
    return not left_out


def _grade(course, assignment, student, jobs, unsafe):
    """Grades one assignment; returns a line for everybody who could not be graded."""
    from cnnlab.classroom import grade as grading
    from cnnlab.classroom import records, report

    grading.log_to(course.root)
    names, refused = records.students(course, assignment)
    chosen = records.choose(course, assignment, names, student)
    done = len(names) - len(chosen)
    console.print(f"{assignment}: {len(chosen)} to grade, {done} graded before")
    columns = "{task.description}", BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console) as bars:
        task = bars.add_task("grading", total=len(chosen))
        for each, record in grading.grade(course, assignment, chosen, jobs, unsafe):
            bars.console.print(_line(each, record), highlight=False)
            bars.advance(task)
    if not names:
        place = f"{course.root}/submitted/STUDENT/{assignment}"
        console.print(f"Nobody handed it in: submissions lie in {place}/")
    else:
        for path in report.write(course, assignment, names, refused):
            console.print(f"Wrote {path}", soft_wrap=True)
    _warn_of_times(course, assignment, names)
    strange = [] if student else refused
    lines = [f"{each!r} cannot be a student's name" for each in strange]
    for each in [student] if student else names:
        if reason := records.refusal(records.read_record(course, assignment, each)):
            lines.append(f"{each}: {reason}")
    return [f"{assignment}, {line}" for line in lines]


def _warn_of_times(course, assignment, names):
    """Names those whose time no platform and no exchange vouches for."""
    from cnnlab.classroom import records

    for each in names:
        if records.read_record(course, assignment, each).get("own_time"):
            console.print(
                f"{each}: the time comes from a timestamp.txt that lay in the copy; "
                "it is the student's own word",
                style="yellow",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


def _line(student, record):
    points = sum(mark["points"] for mark in record["marks"])
    most = sum(mark["most"] for mark in record["marks"])
    stopped = f", {record['reason']}" if record["reason"] else ""
    return f"{student}: {points:g} of {most:g}{stopped}"


def feedback(root, name=None, student=None):
    """Writes feedback for every graded submission, or for one student."""
    course = open_course(root)
    from cnnlab.classroom import feedback as pages
    from cnnlab.classroom import records

    for assignment in course.assignments(name):
        names, _ = records.students(course, assignment)
        graded = [n for n in names if records.read_record(course, assignment, n)]
        wanted = [each for each in graded if student in (None, each)]
        for each in wanted:
            pages.write(course, assignment, each)
        console.print(f"{assignment}: feedback for {len(wanted)} in feedback/")


def check(root, number, folder):
    """Checks a learner's notebook, or writes it for a start; returns whether right."""
    with console.status("Starting"):
        from cnnlab.classroom import practice

    sources = sorted(Path(root).glob(f"source/{number:0>2}_*/*.ipynb"))
    if not sources:
        raise CourseError(f"There is no assignment {number} yet.")
    path = Path(folder) / sources[0].name
    if not path.exists():
        practice.start(sources[0], path)
        console.print(f"Fill in {path}, then run this again.", soft_wrap=True)
        return True
    with console.status(f"Running {path.name}"):
        answers = practice.check(path)
    for name, right, said in answers:
        sign, colour = ("✓", "green") if right else ("✗", "red")
        console.print(f"{sign} {name}: {said}", style=colour, markup=False)
    return all(answer.right for answer in answers)
