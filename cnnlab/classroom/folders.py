"""Temporary folders that bear the number of their process, so that no kill leaves any.

A grader that is killed cannot clean up; the next one knows by the number that nobody
uses a folder any more.
"""

import os
import re
import stat
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import psutil

PLACE = Path("/tmp")  # short: a socket's whole name has 107 characters
NAME = re.compile(r"cnnlab-([0-9]+)-\w+")


@contextmanager
def temporary():
    """Makes a folder and removes it with whatever a sandbox left in it."""
    folder = tempfile.mkdtemp(prefix=f"cnnlab-{os.getpid()}-", dir=PLACE)
    try:
        yield Path(folder)
    finally:
        remove(folder)


def remove(folder):
    """Removes a folder, however its permissions were changed."""
    subprocess.run(["chmod", "-R", "u+rwX", folder], stderr=subprocess.DEVNULL)
    subprocess.run(["rm", "-rf", folder], stderr=subprocess.DEVNULL, check=False)


def remove_leftovers(owners):
    """Removes the folders of graders that are gone.

    Args:
        owners: User ids; folders of anybody else, and links, are left alone.
    """
    for path in PLACE.glob("cnnlab-*"):
        name = NAME.fullmatch(path.name)
        status = path.lstat()
        ours = stat.S_ISDIR(status.st_mode) and status.st_uid in owners
        if name and ours and not psutil.pid_exists(int(name[1])):
            remove(path)
