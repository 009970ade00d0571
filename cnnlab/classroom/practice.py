"""A learner without an instructor: the student version, and the public checks on it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbgrader.preprocessors import (
    ClearHiddenTests,
    ClearOutput,
    ClearSolutions,
    LockCells,
)

from cnnlab.classroom import notebooks
from cnnlab.classroom.errors import CourseError
from cnnlab.classroom.release import ClearRest

CLEARING = LockCells, ClearSolutions, ClearHiddenTests, ClearOutput, ClearRest


class Answer(NamedTuple):
    """The outcome of one exercise's public check."""

    name: str
    right: bool
    said: str


class OwnKernel(AsyncKernelManager):
    """Starts the kernel of this very Python, whatever else is called `python3`."""

    @property
    def kernel_spec(self):
        """The kernel that the course was installed with."""
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, language="python")


def start(source, path):
    """Writes the student version of an assignment for a learner to fill in.

    Args:
        source: Path of the source notebook.
        path: Where to write it.
    """
    notebook = nbformat.read(source, as_version=4)
    for clear in CLEARING:
        notebook, _ = clear().preprocess(notebook, {})
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def check(path):
    """Executes a learner's notebook and reads off its public checks.

    The code is the learner's own and runs as the learner, as in JupyterLab.

    Args:
        path: The notebook that the learner filled in.

    Returns:
        A list of `Answer`s in the order of the notebook.

    Raises:
        CourseError: If the notebook cannot be read, or does not run to its end.
    """
    try:
        notebook = notebooks.read(path.read_bytes())
    except ValueError as error:
        raise CourseError(f"{path} cannot be checked. {error}") from None
    folder = {"metadata": {"path": str(path.parent)}}
    options = {"allow_errors": True, "timeout": 120, "resources": folder}
    paths = {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    client = NotebookClient(
        notebook, kernel_name="python3", kernel_manager_class=OwnKernel, **options
    )
    try:
        client.execute(env={**os.environ, **paths}, stderr=subprocess.DEVNULL)
    except Exception as error:  # the kernel died, or a cell took too long
        raise CourseError(
            f"{path.name} did not run to its end ({type(error).__name__}): is there an "
            "endless loop, or a call that exits?"
        ) from None
    tests = [cell for cell in notebook.cells if _is_test(cell)]
    return [_answer(cell) for cell in tests]


def _is_test(cell):
    marker = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and marker.get("grade") is True


def _answer(cell):
    name = cell.metadata.nbgrader.grade_id
    errors = [output for output in cell.outputs if output.output_type == "error"]
    if not errors:
        return Answer(name, True, "Right.")
    if errors[0].ename == "NotImplementedError":
        return Answer(name, False, "There is no answer yet.")
    if errors[0].ename == "NotYet":
        return Answer(name, False, errors[0].evalue)
    return Answer(name, False, f"{errors[0].ename}: {errors[0].evalue}")
