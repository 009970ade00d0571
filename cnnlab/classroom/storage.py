"""What a sandbox keeps: files in its folder, and files that no folder shows any more.

A file that is open, mapped or running takes its place after its name is gone. It is
found through the processes that hold it.
"""

import os
import stat
from contextlib import suppress

from cnnlab.classroom.processes import living

BLOCK = 512  # bytes of a block, whatever the file system
CHUNK = 1 << 16  # bytes read at once of a list of mappings
DELETED = b" (deleted)"


def excess(folder, processes, limits):
    """Says what a sandbox holds more of than it may.

    Args:
        folder: Its writable folder.
        processes: Numbers of its processes.
        limits: `sandbox.Limits`.

    Returns:
        "disk" for files, "memory" for mappings, which the kernel keeps in memory, or
        None.
    """
    most, size = limits.folder_megabytes * 10**6, 0
    for number, entry in enumerate(_entries(folder)):
        with suppress(FileNotFoundError):
            size += entry.stat(follow_symlinks=False).st_blocks * BLOCK
        if number > limits.folder_files or size > most:
            return "disk"
    files, mappings, nameless = 0, limits.mappings, {}
    for task in filter(None, map(living, processes)):
        with suppress(OSError, ValueError):  # it has ended meanwhile
            _note(task / "exe", nameless)
            files += _opened(task, nameless)
            mappings -= _mapped(task, nameless, mappings)
        if mappings < 0:
            return "memory"
    over = files > limits.open_files or size + sum(nameless.values()) > most
    return "disk" if over else None


def _entries(folder):
    """Yields what lies in a folder, at any depth, following no link."""
    pending = [folder]
    while pending:
        with suppress(FileNotFoundError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                yield entry


def _opened(task, nameless):
    """Counts a process's open files and notes the bytes of those without a name."""
    numbers = os.listdir(task / "fd")
    for number in numbers:
        with suppress(OSError):
            _note(task / "fd" / number, nameless)
    return len(numbers)


def _note(path, nameless):
    """Notes the bytes of a file that a process holds, if it has no name any more."""
    status = os.stat(path)
    if stat.S_ISREG(status.st_mode) and not status.st_nlink:
        nameless[status.st_dev, status.st_ino] = status.st_blocks * BLOCK


def _mapped(task, nameless, most):
    """Counts a process's mappings, up to a little more than `most`.

    Notes the bytes of mapped files without a name, shared memory among them.
    """
    count, rest = 0, b""
    with open(task / "maps", "rb", buffering=0) as file:
        while count <= most and (chunk := file.read(CHUNK)):
            *lines, rest = (rest + chunk).split(b"\n")
            count += len(lines)
            for line in lines:
                if line.endswith(DELETED):
                    _note_mapping(line, nameless)
    return count


def _note_mapping(line, nameless):
    span, _, offset, device, inode, *_ = line.split()
    begin, end = (int(each, 16) for each in span.split(b"-"))
    size = int(offset, 16) + end - begin
    key = os.makedev(*(int(each, 16) for each in device.split(b":"))), int(inode)
    nameless[key] = max(nameless.get(key, 0), size)
