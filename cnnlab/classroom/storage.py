"""What a sandbox keeps: files in its folder, and files that no folder shows any more.

A file that is open or mapped takes its place after its name is gone. It is found
through the processes that hold it.
"""

import os
import stat
from contextlib import suppress

BLOCK = 512  # bytes of a block, whatever the file system


def overfull(folder, processes, limits):
    """Says whether a sandbox holds more files than it may.

    Args:
        folder: Its writable folder.
        processes: Numbers of its processes.
        limits: `sandbox.Limits`.

    Returns:
        A bool.
    """
    most, size = limits.folder_megabytes * 10**6, 0
    for number, entry in enumerate(_entries(folder)):
        with suppress(FileNotFoundError):
            size += entry.stat(follow_symlinks=False).st_blocks * BLOCK
        if number > limits.folder_files or size > most:
            return True
    files, nameless = 0, {}
    for process in processes:
        with suppress(OSError, ValueError):  # it has ended meanwhile
            files += _opened(process, nameless)
            _mapped(process, nameless)
    return files > limits.open_files or size + sum(nameless.values()) > most


def _entries(folder):
    """Yields what lies in a folder, at any depth, following no link."""
    pending = [folder]
    while pending:
        with suppress(FileNotFoundError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                yield entry


def _opened(process, nameless):
    """Counts a process's open files and notes the bytes of those without a name."""
    numbers = os.listdir(f"/proc/{process}/fd")
    for number in numbers:
        with suppress(OSError):
            status = os.stat(f"/proc/{process}/fd/{number}")
            if stat.S_ISREG(status.st_mode) and not status.st_nlink:
                nameless[status.st_ino] = status.st_blocks * BLOCK
    return len(numbers)


def _mapped(process, nameless):
    """Notes the bytes of mapped files without a name, shared memory among them."""
    with open(f"/proc/{process}/maps", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.endswith(" (deleted)\n"):
                span, _, offset, _, inode, *_ = line.split()
                begin, end = (int(each, 16) for each in span.split("-"))
                size = int(offset, 16) + end - begin
                known = nameless.get(int(inode), 0)
                nameless[int(inode)] = max(known, size)
