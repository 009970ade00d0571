"""A notebook executed in a sandbox, and what its functions answered, as plain files.

Each exercise's function is called right after its test cell has run, so that a kernel
which dies later takes nothing back. The answers are read when the sandbox is gone.
"""

import asyncio
import logging
import os
import stat
import subprocess
import tempfile
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from shutil import copytree, ignore_patterns

import nbformat
from nbclient import NotebookClient

from cnnlab.classroom import sandbox
from cnnlab.classroom.guard import Guard
from cnnlab.classroom.inside import save_arguments
from cnnlab.classroom.mark import ENDINGS

MAX_BYTES = 10**6  # of one answer
MAX_TEXT = 400  # bytes of an error that the student's process reports
CALL = (
    "from cnnlab.classroom.inside import answer as _answer\n"
    "_answer({name!r}, globals().get({name!r}))"
)


def run(notebook, cases, limits, extra_files=None, sandboxed=True):
    """Executes a notebook and calls its functions.

    Args:
        notebook: A notebook whose test cells bear the names of the functions.
        cases: Dict from the name of a function to its list of `Case`s.
        limits: `sandbox.Limits`.
        extra_files: Folder of files that lie beside the notebook, or None.
        sandboxed: False runs the student's code as the grader.

    Returns:
        `(executed, answers, reason)`: the notebook with outputs; a dict from the name
        of an answer file to its bytes; and why the run was stopped early, or None.
    """
    with _folder() as folder:
        if extra_files:
            ignored = ignore_patterns("*.ipynb")
            copytree(
                extra_files, folder, symlinks=True, ignore=ignored, dirs_exist_ok=True
            )
        for name, drawn in cases.items():
            save_arguments(folder, name, drawn)
        executed = _with_calls(notebook, cases)
        reason = _execute(executed, folder, limits, sandboxed)
        executed.cells = [c for c in executed.cells if not c.metadata.get("call")]
        return executed, _collect(folder, cases), reason


@contextmanager
def _folder():
    folder = tempfile.mkdtemp(prefix="cnnlab-", dir="/tmp")  # short: sockets' names
    try:
        yield Path(folder)
    finally:
        subprocess.run(["chmod", "-R", "u+rwX", folder], stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", folder], check=False)


def _with_calls(notebook, cases):
    notebook, cells = deepcopy(notebook), []
    for cell in notebook.cells:
        cells.append(cell)
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in cases:
            call = nbformat.v4.new_code_cell(CALL.format(name=name))
            call.metadata["call"] = True
            cells.append(call)
    notebook.cells = cells
    return notebook


def _execute(notebook, folder, limits, sandboxed):
    """Executes all cells in place; returns why it was stopped early, or None."""
    manager = sandbox.SandboxManager(folder, limits, sandboxed)
    client = _Client(notebook, km=manager, limits=limits, folder=folder)
    try:
        asyncio.run(client.run())
    except Exception as error:
        return client.reason or ("time" if client.slow else _reason(error))
    finally:
        client.stop("end")
        manager.context.destroy(linger=0)
    reason = None if client.reason == "end" else client.reason
    return reason or ("time" if client.slow else None)


def _reason(error):
    logging.getLogger("cnnlab").warning("the kernel failed: %s", error)
    return "ended"


class _Client(NotebookClient):
    """Executes every cell, bounds what they write, and starts the guard."""

    def __init__(self, notebook, km, limits, folder):
        super().__init__(
            notebook,
            km=km,
            timeout=limits.cell_seconds,
            startup_timeout=60,
            interrupt_on_timeout=True,
            allow_errors=True,
            error_on_timeout={
                "ename": "Timeout",
                "evalue": f"the cell took more than {limits.cell_seconds} seconds",
                "traceback": [],
            },
        )
        self.limits, self.folder = limits, folder
        self.slow = False  # whether a cell was interrupted
        self.guard, self.bytes_left = None, limits.output_megabytes * 10**6

    @property
    def reason(self):
        """Why the guard killed the sandbox, or None."""
        return self.guard and self.guard.reason

    async def run(self):
        """Executes the notebook."""
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        env = sandbox.environment(self.folder)
        async with self.async_setup_kernel(cwd=str(self.folder), env=env, **silent):
            for index, cell in enumerate(self.nb.cells):
                await self.async_execute_cell(cell, index)

    async def async_start_new_kernel(self, **kwargs):
        await super().async_start_new_kernel(**kwargs)
        pid = self.km.provisioner.process.pid
        self.guard = Guard(pid, self.folder, self.limits)
        self.guard.start()

    async def _async_handle_timeout(self, timeout, cell=None):
        self.slow = True
        return await super()._async_handle_timeout(timeout, cell)

    def stop(self, reason):
        """Kills whatever is left of the sandbox."""
        if self.guard:
            self.guard.kill(reason)

    def process_message(self, msg, cell, cell_index):
        self.bytes_left -= len(str(msg["content"]))
        if self.bytes_left < 0:
            self.stop("output")
        return super().process_message(msg, cell, cell_index)


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
