"""What a student handed in, looked at before anything opens it."""

import json
import os
import re
import stat
from pathlib import Path

import nbformat
from nbgrader.utils import parse_utc

from cnnlab.classroom.bounds import too_many_values

NAME = re.compile(r"[A-Za-z0-9_@+][\w.@+-]{0,63}")
MAX_MEGABYTES = 20
MAX_FILES = 200
MAX_CELLS = 500


def is_name(text):
    """Says whether a folder's name can be a student's or an assignment's name."""
    return NAME.fullmatch(text) is not None and ".." not in text


def problem(folder, notebook):
    """Looks at a submission and says why it cannot be graded.

    Args:
        folder: `submitted/STUDENT/ASSIGNMENT`.
        notebook: File name of the notebook that was handed out.

    Returns:
        A sentence for the student, or None if the submission can be graded.
    """
    folder = Path(folder)
    try:
        notebook = folder / notebook
        return _files(folder) or _notebook(notebook) or _time(folder / "timestamp.txt")
    except OSError:
        return "The files that you handed in cannot be read."


def _files(folder):
    """Refuses links, devices and pipes, which lead elsewhere, and sheer size."""
    total = files = 0
    for top in (folder.parent, folder):
        if top.is_symlink():
            return "You handed in a link; hand in the files themselves."
    for place, folders, names in os.walk(folder):
        for name in folders + names:
            status = os.lstat(Path(place) / name)
            if stat.S_ISLNK(status.st_mode):
                return "You handed in a link; hand in the files themselves."
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                return "You handed in something that is neither a file nor a folder."
            total += status.st_size
            files += 1
        if files > MAX_FILES or total > MAX_MEGABYTES * 10**6:
            return (
                f"You handed in more than {MAX_MEGABYTES} MB or {MAX_FILES} files. "
                "Clear the outputs of the notebook and remove what is not asked for."
            )
    return None


def _time(path):
    """Refuses a file that nbgrader would stop at: it reads when the work came."""
    try:
        if path.exists():
            parse_utc(path.read_text(encoding="utf-8").strip())
    except (ValueError, OverflowError):
        return "The file timestamp.txt holds no time: hand in without it."
    return None


def _notebook(path):
    if not path.is_file():
        return f"There is no notebook called {path.name}: it must keep its name."
    if not (text := path.read_bytes()).strip():
        return "The notebook is empty."
    if too_many_values(text):
        return (
            "The notebook holds too many values. Clear its outputs and save it again."
        )
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return "The notebook is damaged (it is not JSON). Save it again in JupyterLab."
    try:
        cells = nbformat.reads(text.decode(), as_version=4).cells
        nbformat.validate(nbformat.from_dict(content))
        json.dumps(content, ensure_ascii=False).encode()
    except Exception:
        return "The file is not a Jupyter notebook. Save it again in JupyterLab."
    if len(cells) > MAX_CELLS:
        return f"The notebook has more than {MAX_CELLS} cells."
    return None
