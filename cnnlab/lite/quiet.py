"""Silence around libraries that write to the process's own output.

The converter and the interpreter write from C++ to file descriptors 1 and 2, below
Python's `sys.stdout`; a notebook stores what they write, and a strict run compares it.
TensorFlow's own log goes to `sys.stderr`.
"""

import logging
import os
import tempfile
import warnings
from contextlib import contextmanager


@contextmanager
def quiet():
    """Keeps descriptors 1 and 2, Python's warnings and its log silent; errors pass."""
    disabled = logging.root.manager.disable
    with tempfile.TemporaryFile() as kept, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        real = [(descriptor, os.dup(descriptor)) for descriptor in (1, 2)]
        try:
            logging.disable(logging.WARNING)
            for descriptor, _ in real:
                os.dup2(kept.fileno(), descriptor)
            yield
        finally:
            logging.disable(disabled)
            for descriptor, copy in real:
                os.dup2(copy, descriptor)
                os.close(copy)
