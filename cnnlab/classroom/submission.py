"""What a student handed in, looked at before anything opens it."""

import os
import stat
import unicodedata
from pathlib import Path

from nbgrader.utils import parse_utc

from cnnlab.classroom import notebooks
from cnnlab.classroom.bounds import too_many_values

LONGEST_NAME = 64
MOST_BYTES = 200  # a file system allows 255, and an ending is added
MAX_MEGABYTES = 20
MAX_FILES = 200
MAX_CELLS = 500
DEEPEST = 20  # folders within folders
LINK = "You handed in a link; hand in the files themselves."


def plain_name(text):
    """Writes a name as everywhere here: letters of any script, composed (NFC)."""
    return unicodedata.normalize("NFC", text)


def is_name(text):
    """Says whether a folder's name can be a student's or an assignment's name."""
    name = plain_name(text)
    fits = 0 < len(name) <= LONGEST_NAME and _is_text(name)
    fits = fits and len(os.fsencode(name)) <= MOST_BYTES
    begins = fits and (name[0].isalnum() or name[0] in "_@+")
    return begins and ".." not in name and all(map(_is_of_a_name, name))


def _is_of_a_name(character):
    """Says whether a letter, mark or digit of any script, or a usual sign."""
    kind = unicodedata.category(character)
    return kind[0] in "LM" or kind == "Nd" or character in "_.@+-"


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
    except (OSError, ValueError):
        return "The files that you handed in cannot be read."


def _files(folder):
    """Refuses links, devices and pipes, which lead elsewhere, and sheer size."""
    for top in (folder.parent, folder):
        if top.is_symlink():
            return LINK
    total = 0
    for number, (name, depth, status) in enumerate(entries(folder)):
        if stat.S_ISLNK(status.st_mode):
            return LINK
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            return "You handed in something that is neither a file nor a folder."
        if not _is_text(name):
            return "You handed in a file whose name is no text (in UTF-8): rename it."
        total += status.st_size
        if depth > DEEPEST:
            return f"You handed in more than {DEEPEST} folders within each other."
        if number >= MAX_FILES or total > MAX_MEGABYTES * 10**6:
            return (
                f"You handed in more than {MAX_MEGABYTES} MB or {MAX_FILES} files. "
                "Clear the outputs of the notebook and remove what is not asked for."
            )
    return None


def entries(folder):
    """Yields what lies in a folder, following no link, to a bounded depth.

    Yields:
        `(name, depth, status)`: the path within the folder, as the system has it; the
        number of folders above it; and its `os.stat_result`.
    """
    pending = [("", 0)]
    while pending:
        inside, depth = pending.pop()
        with os.scandir(os.path.join(folder, inside)) as found:
            for entry in sorted(found, key=lambda each: each.name):
                name = os.path.join(inside, entry.name)
                if entry.is_dir(follow_symlinks=False) and depth <= DEEPEST:
                    pending.append((name, depth + 1))
                yield name, depth, entry.stat(follow_symlinks=False)


def _is_text(name):
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


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
        cells = notebooks.read(text).cells
    except ValueError as error:
        return str(error)
    if len(cells) > MAX_CELLS:
        return f"The notebook has more than {MAX_CELLS} cells."
    return None
