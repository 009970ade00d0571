"""Marks: what the sandbox left, compared with the reference outside of it.

An answer is bytes of unknown origin. It counts as an array only if its header is plain,
its numbers are real and its shape is the wanted one, checked before memory is taken.
"""

import io
from copy import deepcopy
from dataclasses import asdict, dataclass, field

import numpy as np

from cnnlab.classroom.hints import agree

STOPPED = {
    "time": "Your notebook ran too long and was stopped: is there an endless loop?",
    "memory": "Your notebook used too much memory and was stopped.",
    "disk": "Your notebook wrote too many or too large files and was stopped.",
    "output": "Your notebook printed too much and was stopped.",
}
ENDINGS = (".npy", ".txt")  # of an answer, and of an error's text
REPORTED = {
    b"NotImplementedError": "There is no answer yet.",
    b"Missing": (
        "There is no function of this name: is its cell gone, or does it stop with an "
        "error?"
    ),
}
ERROR = "Your function stopped with an error."
WRONG_SHAPE = "The result has the wrong shape {}."
ENDED = (
    "The Python that ran your notebook ended before it could answer: "
    "is there a call that exits, or a very large array?"
)


@dataclass
class Mark:
    """Points for one exercise and what its author is told."""

    name: str
    points: float
    most: float
    lines: list = field(default_factory=list)  # in our words, with the cases they mean
    complaints: list = field(
        default_factory=list
    )  # without: what a class is counted by
    quoted: list = field(default_factory=list)  # in the words of the student's program

    def as_dict(self):
        """Returns the fields as plain data."""
        return asdict(self)


def judge(exercise, cases, answers, reason=None):
    """Compares the answers to all cases of an exercise with its reference.

    Args:
        exercise: `Exercise`.
        cases: Its list of `Case`s, as drawn for the student.
        answers: Dict from file names to bytes, as `run` returned it.
        reason: Why the run was stopped early, or None.

    Returns:
        A `Mark`.
    """
    mark, complaints, quoted = Mark(exercise.name, 0.0, exercise.points), {}, {}
    for number, case in enumerate(cases):
        answer, error = (answers.get(f"{exercise.name}.{number}{e}") for e in ENDINGS)
        if error:
            complaint = REPORTED.get(error.split(b":")[0], ERROR)
            quoted |= {_one_line(error): None} if complaint is ERROR else {}
        elif answer is None:
            complaint = STOPPED.get(reason, ENDED)
        else:
            complaint = _complaint(exercise, case, answer)
        complaints.setdefault(complaint, []).append(case)
    mark.points = float(sum(case.points for case in complaints.pop(None, [])))
    mark.lines = [_sentence(text, bad, cases) for text, bad in complaints.items()]
    mark.complaints, mark.quoted = list(complaints), list(quoted)
    return mark


def _sentence(text, bad, cases):
    """Names the cases that a complaint is about, unless it is about all of them."""
    if len(bad) == len(cases):
        return text
    return f"{', '.join(dict.fromkeys(case.about for case in bad))}: {text}"


def _complaint(exercise, case, answer):
    """Says what is wrong with one answer, or returns None for a right one."""
    expected = exercise.expected(case)
    wrong = {each.hint: _outcome(each, case) for each in exercise.mistakes}
    wrong = {hint: value for hint, value in wrong.items() if value is not None}
    try:
        shapes = {expected.shape, *(value.shape for value in wrong.values())}
        received = read_array(answer, shapes)
    except ValueError as error:
        return str(error)
    if agree(received, expected, case.tolerance):
        return None
    for hint, value in wrong.items():
        if agree(received, value, case.tolerance, equal_nan=True):
            return hint
    if received.shape != expected.shape:
        return WRONG_SHAPE.format(received.shape)
    if not np.all(np.isfinite(received)):
        return "The result contains NaN or infinity."
    return "The numbers are not right yet."


def read_array(content, shapes):
    """Reads an array from untrusted bytes in NumPy's format, without pickle.

    Args:
        content: Bytes.
        shapes: The only shapes that are accepted.

    Returns:
        An array of real numbers or booleans.

    Raises:
        ValueError: If it is anything else; the text is meant for the student.
    """
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        readers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        found, _, dtype = readers[version](file, max_header_size=2000)
    except Exception:
        raise ValueError("The result is not an array of numbers.") from None
    if dtype.kind not in "biuf":
        raise ValueError(f"The result holds no real numbers but {dtype.name[:20]}.")
    if found not in shapes:
        raise ValueError(WRONG_SHAPE.format(str(found)[:40]))
    if len(content) - file.tell() != dtype.itemsize * int(np.prod(found, dtype=int)):
        raise ValueError("The result is not an array of numbers.")
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)


def _outcome(mistake, case):
    try:
        with np.errstate(all="ignore"):
            return np.asarray(mistake(*deepcopy(case.arguments)))
    except Exception:
        return None


def _one_line(content):
    return " ".join(content[:200].decode("utf-8", "replace").split())
