"""Range checks for measured values: they print the rule and never the value.

Used in every lesson that measures something. A lesson's output is compared with what
is stored, on machines that differ; a sentence that names only the range is the same on
all of them, and a value outside the range stops the lesson.
"""


def between(what, value, low, high):
    """Says that a measured value lies in a closed range.

    Args:
        what: The quantity, as the subject of a sentence, with its unit.
        value: A number, or anything that `float` takes.
        low: Smallest value allowed.
        high: Largest value allowed.

    Raises:
        AssertionError: If `value` lies outside the range or is not a number.
    """
    _assert(what, value, f"lies between {low:g} and {high:g}", low, high)


def at_least(what, value, low):
    """Says that a measured value is not below `low`; see `between`."""
    _assert(what, value, f"is at least {low:g}", low, float("inf"))


def at_most(what, value, high):
    """Says that a measured value is not above `high`; see `between`."""
    _assert(what, value, f"is at most {high:g}", float("-inf"), high)


def _assert(what, value, rule, low, high):
    if not low <= float(value) <= high:  # a NaN fails too
        raise AssertionError(f"{what} {rule}. Received: {float(value):g}")
    print(f"{what} {rule}.")
