"""A notebook executed in a sandbox, and what its functions answered, as plain files.

Each exercise's function is called right after its test cell has run, so that a kernel
which dies later takes nothing back; where there was none yet, once more at the end. The
answers are read when the sandbox is gone.
"""

import asyncio
import logging
import os
import stat
from copy import deepcopy
from shutil import copytree, ignore_patterns

import nbformat

from cnnlab.classroom import folders, sandbox
from cnnlab.classroom.client import Client
from cnnlab.classroom.inside import save_arguments
from cnnlab.classroom.kernel import SandboxManager
from cnnlab.classroom.mark import ENDINGS

MAX_BYTES = 10**6  # of one answer
MAX_TEXT = 400  # bytes of an error that the student's process reports
OWN = ("*.ipynb", "kernel.json", "socket*")  # files that a student cannot bring along
CALL = (
    "from cnnlab.classroom.inside import answer as _answer\n"
    "_answer({name!r}, globals().get({name!r}), again={again})"
)


def run(notebook, cases, limits, extra_files=None, sandboxed=True):
    """Executes a notebook and calls its functions.

    Args:
        notebook: A notebook whose test cells bear the names of the functions; its
            metadata may say `{"cnnlab": {"numpy_alone": True}}`.
        cases: Dict from the name of a function to its list of `Case`s.
        limits: `sandbox.Limits`.
        extra_files: Folder of files that lie beside the notebook, or None.
        sandboxed: False runs the student's code as the grader.

    Returns:
        `(executed, answers, reason)`: the notebook with outputs; a dict from the name
        of an answer file to its bytes; and why the run was stopped early, or None.
    """
    with folders.temporary(limits if sandboxed else None) as folder:
        if extra_files:
            own = ignore_patterns(*OWN, *(f"{name}.*" for name in cases))
            copytree(extra_files, folder, True, own, dirs_exist_ok=True)
        for name, drawn in cases.items():
            save_arguments(folder, name, drawn)
        executed = _with_calls(notebook, cases)
        reason = _execute(executed, folder, limits, sandboxed)
        folders.reset_modes(folder)
        executed.cells = [c for c in executed.cells if not c.metadata.get("call")]
        return executed, _collect(folder, cases), reason


def _with_calls(notebook, cases):
    notebook, cells = deepcopy(notebook), []
    for cell in notebook.cells:
        cells.append(cell)
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in cases:
            cells.append(_call(name))
    notebook.cells = cells + [_call(name, again=True) for name in cases]
    return notebook


def _call(name, again=False):
    cell = nbformat.v4.new_code_cell(CALL.format(name=name, again=again))
    cell.metadata["call"] = True
    return cell


def _execute(notebook, folder, limits, sandboxed):
    """Executes all cells in place; returns why it was stopped early, or None."""
    alone = notebook.metadata.get("cnnlab", {}).get("numpy_alone")
    hidden = sandbox.libraries() if alone else ()
    manager = SandboxManager(folder, limits, sandboxed, hidden)
    client = Client(notebook, km=manager, limits=limits, folder=folder)
    try:
        asyncio.run(client.run())
    except Exception as error:
        return client.reason or ("time" if client.slow else _reason(error))
    finally:
        client.close()
        manager.context.destroy(linger=0)
    reason = None if client.reason == "end" else client.reason
    return reason or ("time" if client.slow else None)


def _reason(error):
    logging.getLogger("cnnlab").warning("the kernel failed: %s", error)
    return "ended"


def _collect(folder, cases):
    """Reads the answer files: regular files of bounded size, never through a link."""
    answers = {}
    for name, drawn in cases.items():
        for number in range(len(drawn)):
            for ending, most in zip(ENDINGS, (MAX_BYTES, MAX_TEXT)):
                filename = f"{name}.{number}{ending}"
                if (content := _read(folder / filename, most)) is not None:
                    answers[filename] = content
    return answers


def _read(path, most):
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        return os.read(file, most + 1)
    finally:
        os.close(file)
