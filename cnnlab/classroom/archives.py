"""The notebooks in a file that a student handed in, read within bounds of its own."""

import io
import re
import zipfile
from pathlib import PurePosixPath

from cnnlab.classroom.bounded_copy import Refused

MAX_BYTES = 20 * 10**6  # of all that is unpacked from one submission
MAX_MEMBERS = 500  # of all archives of one submission
DEEPEST = 3  # archives within archives
ENTRY = b"PK\x01\x02"  # begins each entry of an archive's list
JUNK = re.compile(r"(?:^|/)(?:__MACOSX/|\._|\.DS_Store$|\.ipynb_checkpoints/)")
RENAMED = re.compile(r"(?: ?\(\d+\)|-Copy\d+| - Copy| copy)+$")


def plain_path(name):
    """Returns a member's name with `/` between its parts."""
    return name.replace("\\", "/")


def is_junk(name):
    """Says whether a program left a file behind, such as a Mac's `__MACOSX/._a`."""
    return JUNK.search(plain_path(name)) is not None


class Submission:
    """What one student handed in at one time: files and archives of files."""

    def __init__(self):
        self.bytes_left, self.members_left = MAX_BYTES, MAX_MEMBERS
        self.notebooks, self.others = {}, []

    def add(self, name, content, depth=0):
        """Takes a file; of an archive, all that is in it.

        Args:
            name: Its name.
            content: Its bytes.
            depth: In how many archives it lies.

        Raises:
            Refused: If it is too large, damaged or encrypted.
        """
        ending = PurePosixPath(plain_path(name)).suffix.lower()
        if ending == ".zip":
            if depth >= DEEPEST:
                raise Refused(f"more than {DEEPEST} archives within each other")
            try:
                self._unpack(content, depth)
            except Refused:
                raise
            except Exception as error:  # of zipfile, zlib, lzma, bz2 and codecs
                raise Refused(f"the archive is damaged: {error!r:.100}") from None
        elif ending == ".ipynb":
            self._spend(len(content))
            self.notebooks.setdefault(plain_path(name), content)
        else:
            self.others.append(name)

    def _unpack(self, content, depth):
        self.members_left -= content.count(ENTRY)
        if self.members_left < 0:
            raise Refused(f"more than {MAX_MEMBERS} files in the archive")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                if not (member.is_dir() or is_junk(member.filename)):
                    most = self.bytes_left
                    read = read_member(archive, member, most)
                    self.add(member.filename, read, depth + 1)

    def _spend(self, count):
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise Refused(f"more than {MAX_BYTES // 10**6} MB")

    def notebook(self, stem):
        """Finds the notebook of an assignment: by its name, or as the only one.

        Args:
            stem: Name of the notebook that was handed out, without `.ipynb`.

        Returns:
            Its bytes.

        Raises:
            Refused: If there is none, or if it cannot be told which one is meant.
        """
        for same in (_is_called, _is_renamed):
            found = [text for name, text in self.notebooks.items() if same(name, stem)]
            if len(set(found)) == 1:
                return found[0]
        names = ", ".join(sorted(self.notebooks or self.others))[:200]
        if not self.notebooks:
            raise Refused(f"no notebook, but {names or 'nothing at all'}")
        if len(self.notebooks) > 1:
            raise Refused(f"several notebooks, and it is unclear which counts: {names}")
        return next(iter(self.notebooks.values()))


def _is_called(name, stem):
    return PurePosixPath(name).stem == stem


def _is_renamed(name, stem):
    return RENAMED.sub("", PurePosixPath(name).stem) == stem


def read_member(archive, member, most):
    """Reads a member of an archive, never more than allowed, whatever its header says.

    Raises:
        Refused: If it is larger than `most` bytes.
    """
    if member.file_size > most:
        raise Refused(f"more than {MAX_BYTES // 10**6} MB when unpacked")
    with archive.open(member) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise Refused(f"more than {MAX_BYTES // 10**6} MB when unpacked")
    return content
