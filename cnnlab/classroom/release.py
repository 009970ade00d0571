"""Student versions without a line of a solution or a hidden test."""

import json
import re

import nbformat
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import NbGraderPreprocessor

from cnnlab.classroom import exercise
from cnnlab.classroom.errors import CourseError

SECRET = re.compile(
    r"BEGIN (?:SOLUTION|HIDDEN TESTS)[^\n]*\n(.*?)^[^\n]*END (?:SOLUTION|HIDDEN TESTS)",
    re.DOTALL | re.M,
)


class ClearRest(NbGraderPreprocessor):
    """Removes what an author's editor left in a notebook: pictures, notes, widgets."""

    def preprocess(self, nb, resources):
        """Returns the notebook with nbgrader's own metadata and no files in answers."""
        kept = {"kernelspec", "language_info"}
        nb.metadata = {k: v for k, v in nb.metadata.items() if k in kept}
        for cell in nb.cells:
            marker = cell.metadata.get("nbgrader", {})
            cell.metadata = {"nbgrader": marker} if marker else {}
            if marker.get("solution"):
                cell.pop("attachments", None)
        return nb, resources


def release(course, assignment):
    """Builds the student version of an assignment and proves that nothing leaks.

    Args:
        course: `Course`.
        assignment: Its full name.

    Returns:
        Path of the notebook to hand out.

    Raises:
        CourseError: If a line of a solution or a hidden test is left in it, or in a
            file beside it.
        ValueError: If an exercise of the source is not complete.
    """
    exercise.read(course.source(assignment))
    course.convert(GenerateAssignment, assignment)
    path = course.root / "release" / assignment / f"{assignment}.ipynb"
    source = nbformat.read(course.source(assignment), as_version=4)
    for each in path.parent.rglob("*"):
        if each.is_file() and (found := leaks(source, _text(each))):
            each.unlink()
            raise CourseError(
                f"The student version would contain, in {each.name}: {found[0]!r}"
            )
    return path


def _text(path):
    return path.read_bytes().decode("utf-8", "replace")


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
