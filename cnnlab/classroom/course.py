"""The folders of a course and nbgrader's own programs, run on them."""

import glob
import logging
import os
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import SAWarning
from traitlets.config import PyFileConfigLoader
from traitlets.log import get_logger

from cnnlab.classroom import folders
from cnnlab.classroom.errors import CourseError


class Course:
    """A folder with `nbgrader_config.py` and `source/`."""

    def __init__(self, root):
        """Takes the folder.

        Raises:
            CourseError: If it is no course.
        """
        self.root = Path(root).resolve()
        if not (self.root / "nbgrader_config.py").is_file():
            raise CourseError(
                f"A course has a file nbgrader_config.py. Received: {self.root}"
            )
        _find_alembic()
        loader = PyFileConfigLoader("nbgrader_config.py", path=str(self.root))
        self.config = loader.load_config()

    def assignments(self, name=None):
        """Lists the names of the assignments, or finds one by its number or name."""
        names = sorted(path.parent.name for path in self.root.glob("source/*/*.ipynb"))
        names = list(dict.fromkeys(names))
        if name is None:
            return names
        found = [each for each in names if each == name or each.startswith(f"{name}_")]
        if not found:
            raise CourseError(f"Assignments: {', '.join(names)}. Received: {name}")
        return found

    def source(self, assignment):
        """Returns the path of an assignment's source notebook."""
        return self.root / "source" / assignment / f"{assignment}.ipynb"

    def released(self, assignment):
        """Reads the notebook that was handed out.

        Raises:
            CourseError: If it has not been released yet.
        """
        path = self.root / "release" / assignment / f"{assignment}.ipynb"
        if not path.is_file():
            raise CourseError(f"Release it first: cnnlab release {assignment}")
        return nbformat.read(path, as_version=4)

    @contextmanager
    def gradebook(self):
        """Opens nbgrader's gradebook."""
        with _quiet(), Gradebook(self.config.CourseDirectory.db_url) as gradebook:
            yield gradebook

    def convert(self, program, assignment, student=None, **directories):
        """Runs a converter of nbgrader, such as `Autograde`, on one assignment.

        Args:
            program: Class of the converter.
            assignment: Its full name.
            student: A student's name, or None.
            **directories: Traits of `CourseDirectory`, such as `release_directory`.

        Raises:
            CourseError: If the converter could not do its work, with its reason.
        """
        with _quiet(), _without_patterns(self.root) as root, _last_error() as reasons:
            directory = CourseDirectory(config=self.config, **directories)
            directory.root, directory.assignment_id = str(root), assignment
            if student:
                directory.student_id = student
            converter = program(coursedir=directory, config=self.config)
            converter.force = True
            try:
                converter.start()
            except NbGraderException as error:
                reason = reasons[0] if reasons else error
                raise CourseError(
                    f"nbgrader stopped at {assignment}: {reason}"
                ) from None


@contextmanager
def _without_patterns(root):
    """Yields a path of the course that nbgrader does not read as a pattern."""
    if not glob.has_magic(str(root)):
        yield root
        return
    with folders.temporary() as folder:
        (folder / "course").symlink_to(root)
        yield folder / "course"


@contextmanager
def _last_error():
    """Yields a list to which nbgrader's log adds the last line of each traceback."""
    reasons, handler = [], logging.Handler(logging.ERROR)

    def keep(record):
        if "Traceback" in (text := record.getMessage().strip()):
            reasons.append(text.splitlines()[-1])

    handler.emit = keep
    get_logger().addHandler(handler)
    try:
        yield reasons
    finally:
        get_logger().removeHandler(handler)


@contextmanager
def _quiet():
    """Hides SQLAlchemy's warnings about nbgrader's own models."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        yield


def _find_alembic():
    """Puts this Python's programs on PATH: nbgrader runs one of them by its name."""
    programs = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", "")
    if programs not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join((programs, path))
