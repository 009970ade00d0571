"""Bounds on what is read from students, counted before memory is taken.

A value of JSON that takes two bytes in a file takes hundreds once it is read: a file
of 18 MB took 12 GB. So values are counted in the text, and in messages on the way.
"""

import re
import resource
from pathlib import Path

MAX_QUOTES = 4_000_000
MAX_VALUES = 1_000_000
MAX_CONTAINERS = 100_000  # lists and dicts, each of which is read into a large object
STRING = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL
)  # or never closed


def too_many_values(text):
    """Says whether a text of JSON holds more values than can be read in safety.

    Args:
        text: Bytes; those of a text that is no JSON are counted somehow.

    Returns:
        A bool.
    """
    if text.count(b'"') > MAX_QUOTES:
        return True
    bare = STRING.sub(b"", text)
    containers = bare.count(b"[") + bare.count(b"{")
    return containers > MAX_CONTAINERS or bare.count(b",") > MAX_VALUES


def too_many_parts(message, most=10_000):
    """Says whether a message holds more lists, dicts and values than `most`."""
    pending, count = [message], 0
    while pending:
        each = pending.pop()
        inside = each.values() if isinstance(each, dict) else each
        count += len(inside)
        if count > most:
            return True
        pending += [one for one in inside if isinstance(one, (dict, list, tuple))]
    return False


def limit_memory(megabytes):
    """Limits what this process may take from now on, to what it has and so much more.

    A process of the grader that reads what a student made ends at the limit, and no
    other one does.
    """
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + megabytes * 10**6
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
