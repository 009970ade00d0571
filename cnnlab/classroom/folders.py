"""Temporary folders that bear the number of their process, so that no kill leaves any.

A sandbox writes to a folder inside of one that nobody but the grader may enter: no
other account of the machine reaches what students' code leaves there. A grader that is
killed cannot clean up; the next one knows by the number that nobody uses a folder any
more.
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
INSIDE = "work"  # the folder that a sandbox may write to
SPARE = 1.1  # a file system is larger than the limit, so that the guard sees it passed
PLAIN = "u+rwX,go-rwx,a-s,a-t"


@contextmanager
def temporary(limits=None):
    """Makes a folder and removes it with whatever a sandbox left in it.

    Args:
        limits: `sandbox.Limits`; with them and as root, the folder is a file system of
            its own in memory, no larger than they allow, without set-id programs and
            without links that lead anywhere.

    Yields:
        The path of a folder in one that belongs to the grader alone.
    """
    outer = Path(tempfile.mkdtemp(prefix=f"cnnlab-{os.getpid()}-", dir=PLACE))
    try:
        (outer / INSIDE).mkdir(mode=0o700)
        if limits and os.geteuid() == 0:
            _mount(outer / INSIDE, limits)
        yield outer / INSIDE
    finally:
        remove(outer)


def _mount(folder, limits):
    """Mounts a sized file system; where root may not mount, the guard looks on."""
    size = f"size={int(limits.folder_megabytes * SPARE)}m"
    files = f"nr_inodes={int(limits.folder_files * SPARE) + 100}"
    for links in (",nosymfollow", ""):  # before Linux 5.10, links are followed
        options = f"{size},{files},mode=700,nosuid,nodev{links}"
        command = ["mount", "-t", "tmpfs", "-o", options, "cnnlab", str(folder)]
        if subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0:
            return


def reset_modes(folder):
    """Takes back what a sandbox allowed to others, before anything is read."""
    command = ["chmod", "-R", PLAIN, "--", str(folder)]
    subprocess.run(command, stderr=subprocess.DEVNULL)


def remove(folder):
    """Removes a folder, however its permissions were changed."""
    if os.path.ismount(Path(folder) / INSIDE):
        command = ["umount", "--lazy", str(Path(folder) / INSIDE)]
        subprocess.run(command, stderr=subprocess.DEVNULL)
    reset_modes(folder)
    subprocess.run(["rm", "-rf", str(folder)], stderr=subprocess.DEVNULL, check=False)


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
