"""A course in a temporary folder, with one tiny assignment that is quick to grade."""

import shutil
from concurrent.futures import ProcessPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import psutil
import pytest

from cnnlab.classroom import folders, grade, release, sandbox
from cnnlab.classroom.course import Course

ASSIGNMENTS = Path(__file__).resolve().parents[2] / "assignments"
TINY = "90_tiny"
DOUBLE = '''def double(x):
    """Returns twice x."""
    ### BEGIN SOLUTION
    return 2 * x  # the-solution-of-double
    ### END SOLUTION'''
DOUBLE_TEST = """check(double(np.ones(2)), [2, 2], mistakes={"Multiply.": [3, 3]})
### BEGIN HIDDEN TESTS
from cnnlab.classroom.exercise import case, mistake


def cases(random):
    yield case(random.normal(size=3), points=1, about="Any numbers")
    yield case(np.full(3, -4.0) + random.random(), points=1, about="Below zero")


@mistake("You added two instead of multiplying by two.")
def added(x):
    return x + 2


@mistake("Negative numbers count, too.")
def clipped(x):
    return 2 * np.abs(x)
### END HIDDEN TESTS"""
TOTAL = '''def total(x):
    """Returns the sum of x."""
    ### BEGIN SOLUTION
    return x.sum()  # the-solution-of-total
    ### END SOLUTION'''
TOTAL_TEST = """check(total(np.ones(2)), 2)
### BEGIN HIDDEN TESTS
from cnnlab.classroom.exercise import case, mistake


def cases(random):
    yield case(random.normal(size=9), points=3, about="Nine numbers")


@mistake("This is the mean.")
def mean(x):
    return x.mean()


@mistake("This is the largest.")
def largest(x):
    return x.max()
### END HIDDEN TESTS"""
LIMITS = (
    "\nfrom cnnlab.classroom.sandbox import Limits"
    "\nc.MarkOutside.limits = Limits(seconds=90, cell_seconds=12, megabytes=700,"
    " processor_seconds=15, folder_megabytes=150, output_megabytes=3)\n"
)


def cell(source, name, points=None, solution=False):
    """Makes a cell with nbgrader's metadata."""
    made = nbformat.v4.new_code_cell(source, id=name)
    if name.startswith("explain"):
        made = nbformat.v4.new_markdown_cell(source, id=name)
    grade = points is not None
    marker = {"grade_id": name, "solution": solution, "grade": grade, "task": False}
    marker |= {"locked": not solution, "schema_version": 3, "cell_type": made.cell_type}
    made.metadata.nbgrader = marker | ({"points": points} if grade else {})
    return made


def tiny_source():
    """Builds the source of the tiny assignment."""
    imports = "import numpy as np\n\nfrom cnnlab.classroom.hints import check"
    cells = [
        nbformat.v4.new_code_cell(imports, id="imports"),
        cell(DOUBLE, "answer-double", solution=True),
        cell(DOUBLE_TEST, "double", 2),
        cell(TOTAL, "answer-total", solution=True),
        cell(TOTAL_TEST, "total", 3),
        cell("The model answer in words.", "explain", 2, solution=True),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def make_course(root, *names):
    """Makes a course with the tiny assignment and some of the real ones."""
    (root / "source" / TINY).mkdir(parents=True)
    nbformat.write(tiny_source(), root / "source" / TINY / f"{TINY}.ipynb")
    for name in names:
        shutil.copytree(ASSIGNMENTS / "source" / name, root / "source" / name)
    config = (ASSIGNMENTS / "nbgrader_config.py").read_text()
    (root / "nbgrader_config.py").write_text(config + LIMITS)
    course = Course(root)
    for name in course.assignments():
        release.release(course, name)
    return course


def answered(course, sources, assignment=TINY):
    """Fills answers, by the name of their cell, into the student version."""
    notebook = course.released(assignment)
    for each in notebook.cells:
        name = each.metadata.get("nbgrader", {}).get("grade_id")
        each.source = sources.get(name, each.source)
    return notebook


def hand_in(course, student, notebook, assignment=TINY):
    """Puts a notebook where submissions lie."""
    folder = course.root / "submitted" / student / assignment
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{assignment}.ipynb"
    nbformat.write(notebook, path)
    return path


def grade_all(course, names, assignment=TINY, jobs=2):
    """Grades submissions and returns their records."""
    return dict(grade.grade(course, assignment, names, jobs))


def in_own_process(function, *arguments):
    """Calls a function in a process of its own, as submissions are run."""
    with ProcessPoolExecutor(1, grade.PROCESSES) as pool:
        return pool.submit(function, *arguments).result()


def points(record):
    """Returns the points of each exercise."""
    return {mark["name"]: mark["points"] for mark in record["marks"]}


def lines(record, name=None):
    """Returns what a student is told, about one exercise or all."""
    marks = [mark for mark in record["marks"] if name in (None, mark["name"])]
    return "\n".join(line for mark in marks for line in mark["lines"])


class _Acting(HTMLParser):
    """Collects what could act on a page: scripts, frames, handlers."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "iframe", "object", "embed", "svg", "link", "base"):
            self.found.append(tag)
        self.found += [name for name, _ in attrs if name.startswith("on")]
        self.found += [value for _, value in attrs if "javascript:" in (value or "")]


def acting(page):
    """Lists what could act on a page of HTML."""
    parser = _Acting()
    parser.feed(page)
    return parser.found


def sandboxes_left():
    """Lists the sandboxes begun since the tests were that nobody waits for any more."""
    begun = psutil.Process().create_time()
    asked = psutil.process_iter(["name", "cmdline", "create_time"])
    later = [each for each in asked if each.info["create_time"] > begun]
    return [
        each
        for each in later
        if each.info["name"] == "bwrap" and not _is_wanted(each.info["cmdline"])
    ]


def _is_wanted(command):
    """Says whether the process whose folder a sandbox has is alive."""
    found = folders.NAME.search(" ".join(command or ()))
    return found is None or psutil.pid_exists(int(found[1]))


@pytest.fixture(scope="session", autouse=True)
def _bubblewrap():
    if problem := sandbox.find_problem():
        pytest.exit(f"tests/classroom: {problem}", returncode=1)


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """A course whose submissions are those of a test module."""
    return make_course(tmp_path_factory.mktemp("course"))
