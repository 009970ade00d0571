"""JupyterLab as `make lab` starts it, on a copy of the lessons, and its reader."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress

from conftest import HERE, PICTURES, ROOT

TOKEN = "browser"
COURSE = PICTURES / "course"
SETTINGS = PICTURES / "settings"
LOG = PICTURES / "jupyterlab.log"
SECONDS_TO_START = 180  # of JupyterLab, or of a kernel, on a busy machine
SECONDS_PER_LESSON = 900
IDLE = """window.jupyterapp?.shell.currentWidget?.sessionContext?.session
    ?.kernel?.status === 'idle'"""
RUN_ALL = """() => {
    window.finished = null;
    jupyterapp.commands.execute('notebook:run-all-cells')
        .then(right => { window.finished = [right]; });
}"""
# The kernel answers in order, and what a widget held back goes out after an answer:
# after a few, all that was turned before is drawn.
SETTLE = """async () => {
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const nothing = {code: "", silent: true};
    for (const _ of [1, 2, 3, 4]) await kernel.requestExecute(nothing).done;
}"""
CELLS = """[...jupyterapp.shell.currentWidget.content.model.cells]
    .filter(cell => cell.type === 'code')
    .map(cell => ({number: cell.executionCount, outputs: cell.outputs.toJSON()}))"""


def copy_course():
    """Copies what lessons read and write, so that JupyterLab may save as it likes."""
    shutil.rmtree(PICTURES / "lab", ignore_errors=True)
    for folder in (COURSE, SETTINGS):
        shutil.rmtree(folder, ignore_errors=True)
    SETTINGS.mkdir(parents=True)
    shutil.copytree(ROOT / "notebooks", COURSE / "notebooks")
    shutil.copytree(ROOT / "data", COURSE / "data")


def free_port():
    with socket.socket() as listener:
        listener.bind((HERE, 0))
        return listener.getsockname()[1]


@contextmanager
def served():
    """Yields the address of a JupyterLab, on the copy, that ends with the block."""
    port = free_port()
    options = [
        "--no-browser",
        f"--ServerApp.ip={HERE} --ServerApp.port={port}",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={shlex.quote(str(COURSE))}",
        "--LabApp.expose_app_in_browser=True",
        "--allow-root" if os.geteuid() == 0 else "",
    ]
    state = (PICTURES / "lab").relative_to(ROOT)  # to make, a space ends a path
    command = ["make", "lab", f"LAB_STATE={state}", f"LAB_ARGS={' '.join(options)}"]
    with LOG.open("w") as log:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env=_environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_it_serves(server)
        yield f"http://{HERE}:{port}"
    finally:
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(SECONDS_TO_START)


def _environment():
    """That of a new user without a network: no settings, no data, no outer make."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "PYTEST"))}
    kept.pop("CNNLAB_DATA", None)
    return {**kept, "CNNLAB_OFFLINE": "1", "JUPYTER_CONFIG_DIR": str(SETTINGS)}


def _wait_until_it_serves(server):
    latest = time.monotonic() + SECONDS_TO_START
    while "is running at" not in (said := LOG.read_text(errors="replace")):
        may_still_come = server.poll() is None and time.monotonic() < latest
        assert may_still_come, f"JupyterLab does not serve:\n{said}"
        time.sleep(0.2)


def open_lesson(page, address, name):
    """Opens a notebook and waits for its kernel.

    In the layout of a new reader: JupyterLab would open the lessons before it again,
    whose explorers have lost their kernels.
    """
    for layout in (PICTURES / "lab").glob("*.jupyterlab-workspace"):
        shutil.copy(ROOT / "lab" / "workspace.json", layout)
    page.goto(f"{address}/lab/tree/notebooks/{name}.ipynb?token={TOKEN}")
    page.wait_for_function(IDLE, timeout=1000 * SECONDS_TO_START)


def settle(page):
    """Waits until every explorer shows what its knobs say."""
    page.evaluate(SETTLE)


def run_all(page):
    """Runs all cells; returns the code cells with their numbers and outputs."""
    page.evaluate(RUN_ALL)
    page.wait_for_function("window.finished", timeout=1000 * SECONDS_PER_LESSON)
    return page.evaluate(CELLS)
