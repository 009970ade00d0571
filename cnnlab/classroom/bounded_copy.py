"""A folder of a student, copied without opening anything but plain files."""

import os
import pwd
import stat
from fnmatch import fnmatch

from cnnlab.classroom.submission import MAX_FILES, MAX_MEGABYTES

TIMESTAMP = "timestamp.txt"  # is written by who collects, never taken from a student
DEEPEST = 20  # folders within folders
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Refused(Exception):
    """The text says why something cannot be collected."""


def user_name(number):
    """Returns the name of a user of this machine."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


class BoundedCopy:
    """Copies a folder by descriptors, so that nobody can swap a link in meanwhile."""

    def __init__(self, owner, ignored=()):
        """Takes the number of the user who owns all of it, and patterns to ignore."""
        self.owner, self.ignored = owner, (TIMESTAMP, *ignored)
        self.bytes_left, self.files_left = MAX_MEGABYTES * 10**6, MAX_FILES
        self.last_change = 0  # seconds since 1970, as the system notes it

    def folder(self, source, target, parent=None, depth=0):
        """Copies a folder.

        Args:
            source: Its path, or its name in the folder `parent`.
            target: Path of the new folder.
            parent: Descriptor of the folder above, or None.
            depth: How many folders lie above it.

        Raises:
            Refused: If it holds a link, a special file, anything of another user, or
                more than a submission may.
            OSError: If it cannot be read.
            UnicodeError: If a name in it is no text.
        """
        if depth > DEEPEST:
            raise Refused(f"more than {DEEPEST} folders within each other")
        opened = os.open(source, FOLDER, dir_fd=parent)
        try:
            self._seen(os.fstat(opened))
            target.mkdir()
            for name in sorted(os.listdir(opened)):
                if not any(fnmatch(name, each) for each in self.ignored):
                    self._entry(name, target / name, opened, depth)
        finally:
            os.close(opened)

    def _entry(self, name, target, parent, depth):
        name.encode("utf-8")  # or a UnicodeError: no page can show such a name
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        self.files_left -= 1
        if self.files_left < 0:
            raise Refused(f"more than {MAX_FILES} files")
        if stat.S_ISDIR(status.st_mode):
            self.folder(name, target, parent, depth + 1)
        elif stat.S_ISREG(status.st_mode):
            self._file(name, target, parent)
        else:
            raise Refused(f"{name[:80]!r} is a link or no file: hand in files only")

    def _file(self, name, target, parent):
        opened = os.open(name, FILE, dir_fd=parent)
        with open(opened, "rb") as file:
            status = os.fstat(opened)
            self._seen(status)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
                raise Refused(f"{name[:80]!r} is a link or no file: hand in files only")
            content = file.read(self.bytes_left + 1)
        self.bytes_left -= len(content)
        if self.bytes_left < 0:
            raise Refused(f"more than {MAX_MEGABYTES} MB")
        target.write_bytes(content)

    def _seen(self, status):
        """Refuses what belongs to somebody else, and notes when it was changed."""
        if status.st_uid != self.owner:
            raise Refused(f"something in it belongs to {user_name(status.st_uid)}")
        self.last_change = max(self.last_change, status.st_ctime)
