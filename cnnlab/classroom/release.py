"""Student versions without a line of a solution or a hidden test."""

import json
import re
import tempfile
from pathlib import Path

import nbformat
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import NbGraderPreprocessor, SaveCells

from cnnlab.classroom import exercise
from cnnlab.classroom.errors import CourseError
from cnnlab.classroom.renew import SaveChangedCells

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


class BuildAlone(GenerateAssignment):
    """Builds a student version and leaves the gradebook's cells as they are."""

    def __init__(self, coursedir=None, **options):
        super().__init__(coursedir, **options)
        kept = [each for each in self.preprocessors if not issubclass(each, SaveCells)]
        self.preprocessors = kept


def release(course, assignment):
    """Builds the student version of an assignment and proves that nothing leaks.

    It is built beside the version before, which stays until the new one is whole.

    Args:
        course: `Course`.
        assignment: Its full name.

    Returns:
        Path of the notebook to hand out.

    Raises:
        CourseError: If the source does not run or is not complete, if nbgrader cannot
            build it, or if a line of a solution or a hidden test is left in it or in a
            file beside it.
    """
    try:
        exercise.read(course.source(assignment))
    except Exception as error:  # the instructor's own code is executed
        text = f"{type(error).__name__}: {error}"
        raise CourseError(f"The source of {assignment} does not run: {text}") from None
    with tempfile.TemporaryDirectory(prefix=".release-", dir=course.root) as folder:
        name = Path(folder).name
        course.convert(BuildAlone, assignment, release_directory=name)
        built = Path(folder) / assignment
        _require_no_leak(course, assignment, built)
        _tell_gradebook(course, assignment, built / f"{assignment}.ipynb")
        _swap(built, course.root / "release" / assignment, Path(folder) / "before")
    return course.root / "release" / assignment / f"{assignment}.ipynb"


def _require_no_leak(course, assignment, built):
    source = nbformat.read(course.source(assignment), as_version=4)
    for each in built.rglob("*"):
        if each.is_file() and (found := leaks(source, _text(each))):
            raise CourseError(
                f"The student version would contain, in {each.name}: {found[0]!r}"
            )


def _tell_gradebook(course, assignment, path):
    """Saves the cells of a student version that is whole."""
    names = {"notebook": assignment, "assignment": assignment, "student": "."}
    names["db_url"] = course.config.CourseDirectory.db_url
    notebook = nbformat.read(path, as_version=4)
    SaveChangedCells().preprocess(notebook, {"nbgrader": names})


def _swap(new, place, before):
    """Puts a folder where another one may lie; puts that back if it fails."""
    place.parent.mkdir(exist_ok=True)
    if place.exists():
        place.rename(before)
    try:
        new.rename(place)
    except OSError:
        if before.exists():
            before.rename(place)
        raise


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
