"""Public checks: what was received, and a hint at the usual mistake.

Taught in assignments/README.md. Every exercise ends with a call of `check`, so that a
learner has an answer at once. No mark depends on it.
"""

import numpy as np


class NotYet(AssertionError):
    """A wrong answer; Jupyter shows its text without the lines that raised it."""

    def _render_traceback_(self):
        return ["Not yet. " + str(self)]


def check(received, expected, mistakes=None, tolerance=1e-4):
    """Compares a result with the expected one and explains a difference.

    Args:
        received: What the learner's function returned.
        expected: A number or an array.
        mistakes: Dict from a hint to the value that this mistake gives.
        tolerance: Largest relative or absolute difference that counts as equal.

    Raises:
        NotYet: If the two differ: what came, then a hint or what was wanted.
    """
    if agree(received, expected, tolerance):
        print("Right.")
        return
    for hint, value in (mistakes or {}).items():
        if agree(received, value, tolerance):
            raise NotYet(f"{hint}\nReceived: {received!r}")
    raise NotYet(f"Wanted: {expected!r}\nReceived: {received!r}")


def agree(received, expected, tolerance, equal_nan=False):
    """Says whether two results have one shape and, within a tolerance, equal numbers.

    Args:
        received: Anything.
        expected: A number or an array.
        tolerance: Largest relative or absolute difference, at least 0.
        equal_nan: Whether NaN is equal to NaN.

    Returns:
        A bool; False where `received` is no array of real numbers.
    """
    try:
        received, expected = np.asarray(received), np.asarray(expected)
    except (TypeError, ValueError):
        return False
    if received.dtype.kind not in "biuf" or received.shape != expected.shape:
        return False
    close = {"rtol": tolerance, "atol": tolerance, "equal_nan": equal_nan}
    return np.allclose(received, expected, **close)
