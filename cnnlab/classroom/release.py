"""Student versions without a line of a solution or a hidden test."""

import json
import re

import nbformat
from nbgrader.converters import GenerateAssignment

from cnnlab.classroom import exercise
from cnnlab.classroom.errors import CourseError

SECRET = re.compile(
    r"BEGIN (?:SOLUTION|HIDDEN TESTS)[^\n]*\n(.*?)^[^\n]*END (?:SOLUTION|HIDDEN TESTS)",
    re.DOTALL | re.M,
)


def release(course, assignment):
    """Builds the student version of an assignment and proves that nothing leaks.

    Args:
        course: `Course`.
        assignment: Its full name.

    Returns:
        Path of the notebook to hand out.

    Raises:
        CourseError: If a line of a solution or a hidden test is left in it.
        ValueError: If an exercise of the source is not complete.
    """
    exercise.read(course.source(assignment))
    course.convert(GenerateAssignment, assignment)
    path = course.root / "release" / assignment / f"{assignment}.ipynb"
    source = nbformat.read(course.source(assignment), as_version=4)
    if found := leaks(source, path.read_text(encoding="utf-8")):
        path.unlink()
        raise CourseError(f"The student version would contain: {found[0]!r}")
    return path


def secrets(source):
    """Lists the lines that no student may see.

    Lines that stand in the public part as well, such as an import, are not secret.

    Args:
        source: The source notebook.

    Returns:
        A list of lines without the space around them.
    """
    hidden, public = [], set()
    for cell in source.cells:
        marker = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown" and marker.get("solution"):
            hidden += cell.source.splitlines()
            continue
        hidden += "\n".join(SECRET.findall(cell.source)).splitlines()
        public |= {line.strip() for line in SECRET.sub("", cell.source).splitlines()}
    lines = dict.fromkeys(line.strip() for line in hidden)
    return [line for line in lines if len(line) > 3 and line not in public]


def leaks(source, text):
    """Lists the secret lines of a source that a file's text contains.

    Args:
        source: The source notebook.
        text: Everything in the file, outputs and metadata included.

    Returns:
        A list of lines.
    """
    return [
        line
        for line in secrets(source)
        if line in text or json.dumps(line, ensure_ascii=False)[1:-1] in text
    ]
