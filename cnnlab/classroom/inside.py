"""What runs in the sandbox beside the student's code: call a function, save arrays.

Nothing here is trusted by anybody: the student's code may have changed all of it. The
files it leaves are looked at by `mark` as data of unknown origin.
"""

from pathlib import Path

import numpy as np

UNANSWERED = ("Missing", "NotImplementedError")


def save_arguments(folder, name, cases):
    """Writes the arguments of all cases as plain arrays (in the grader's process)."""
    arrays = {
        f"{number}.{position}": np.asarray(argument)
        for number, case in enumerate(cases)
        for position, argument in enumerate(case.arguments)
    }
    np.savez(Path(folder) / f"{name}.npz", **arrays)


def answer(name, function, again=False):
    """Calls a function on each saved case and saves what it returns.

    Args:
        name: Of the exercise; `NAME.npz` in the current folder holds the arguments.
        function: The student's function, or None if there is none.
        again: Whether to ask only where there was no answer yet: a student may have
            written it below its test.
    """
    with np.load(f"{name}.npz") as saved:
        arguments = {}
        for key in saved.files:
            number = int(key.split(".")[0])
            arguments.setdefault(number, []).append(_plain(saved[key]))
    for number, values in arguments.items():
        said = Path(f"{name}.{number}.txt")
        if again and not _is_unanswered(said):
            continue
        if function is None:
            said.write_text("Missing")
            continue
        try:
            np.save(f"{name}.{number}.npy", _called(function, values))
            said.unlink(missing_ok=True)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"[:200]
            said.write_text(text, encoding="utf-8")


def _is_unanswered(said):
    return said.is_file() and said.read_text().startswith(UNANSWERED)


def _plain(array):
    return array if array.ndim else array.item()


def _called(function, values):
    result = np.asarray(function(*values))
    if result.dtype.hasobject:
        raise TypeError("the result is no array of numbers")
    return result
