"""The folders of a course and nbgrader's own programs, run on them."""

import sys
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from traitlets.config import PyFileConfigLoader


class CourseError(Exception):
    """Something an instructor has to put right; the text says what."""


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
        # nbgrader runs alembic, which lies beside this Python
        sys_path = str(Path(sys.executable).parent)
        _prepend_path(sys_path)
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

    def gradebook(self):
        """Opens nbgrader's gradebook; a context manager."""
        return Gradebook(self.config.CourseDirectory.db_url)

    def convert(self, program, assignment, student=None):
        """Runs a converter of nbgrader, such as `Autograde`, on one assignment.

        Raises:
            NbGraderException: If the converter could not do its work.
        """
        directory = CourseDirectory(config=self.config)
        directory.assignment_id = assignment
        if student:
            directory.student_id = student
        converter = program(coursedir=directory, config=self.config)
        converter.force = True
        converter.start()


def _prepend_path(folder):
    import os

    if folder not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = folder + os.pathsep + os.environ.get("PATH", "")
