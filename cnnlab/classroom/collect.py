"""Archives of a learning platform, sorted by student, for `nbgrader zip_collect`.

Whose work it is and when it came is read from the platform's own name of a file, never
from a name that a student could choose. What cannot be used stops nobody else's: it is
left out, the log names it, and the command ends with an error.
"""

import re
import stat
import zipfile
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin

from cnnlab.classroom import arrivals
from cnnlab.classroom.archives import (
    MAX_BYTES,
    Submission,
    is_junk,
    plain_path,
    read_member,
)
from cnnlab.classroom.bounded_copy import Refused
from cnnlab.classroom.submission import is_name, plain_name
from cnnlab.classroom.times import parse_time

MAX_MEMBERS = 100_000  # of one archive of the platform
COUNTED = (".ipynb", ".zip")  # others are notes of the platform, or not asked for
NO_TIME = datetime(2000, 1, 1)


class Piece(NamedTuple):
    """A file as the platform named it: on disk, or a member of an archive on disk."""

    name: str  # of the student's own part
    path: Path
    member: zipfile.ZipInfo | None

    def read(self):
        """Returns its bytes.

        Raises:
            Refused: If it is larger than one submission may be.
        """
        if self.member:
            with zipfile.ZipFile(self.path) as archive:
                return read_member(archive, self.member, MAX_BYTES)
        if self.path.stat().st_size > MAX_BYTES:
            raise Refused(f"more than {MAX_BYTES // 10**6} MB")
        return self.path.read_bytes()


class CarefulCollector(FileNameCollectorPlugin):
    """Takes a student and a time from the platform's name of a file."""

    def whose(self, name):
        """Reads the platform's name of a file.

        Args:
            name: Path of the file inside the platform's archive.

        Returns:
            `(student, time, rest)`, with `NO_TIME` where the name holds none and the
            student's own part of the name as the rest; None if it names nobody.

        Raises:
            Refused: If the student or the time is impossible.
        """
        path = PurePosixPath(plain_path(name))
        found = re.match(self.named_regexp, f"/{plain_path(name)}")
        if not found or path.is_absolute() or ".." in path.parts:
            return None
        student = plain_name(found["student_id"])
        if not is_name(student):
            raise Refused(f"nobody can be called {student[:80]!r}")
        moment = NO_TIME
        if written := found.groupdict().get("timestamp"):
            try:
                moment = parse_time(written)
            except ValueError as error:
                raise Refused(str(error)) from None
        return student, moment, found.string[found.start("file_id") :]

    def collect(self, submitted_file):
        """Returns nbgrader's dict for a file that `BoundedExtractor` wrote."""
        path = Path(submitted_file)
        moment = parse_time(path.parent.name)
        return {
            "student_id": path.parent.parent.name,
            "file_id": path.stem,
            "timestamp": None if moment == NO_TIME else moment,
        }


class BoundedExtractor(ExtractorPlugin):
    """Writes the latest notebook of each student that can be used."""

    def extract(self, archive_path, extracted_path):
        """Fills `extracted_path/STUDENT/TIME/` from the files below `archive_path`."""
        self.left_out, self.taken, attempts = [], {}, {}
        self.collector = CarefulCollector(parent=self)
        for name, path, member in self._files(Path(archive_path)):
            try:
                self._sort_in(attempts, name, path, member)
            except Refused as reason:
                self._leave_out(name, reason)
        for student, by_time in sorted(attempts.items()):
            self._take_latest(student, by_time, Path(extracted_path))
        self._finish_afterwards()

    def _files(self, folder):
        """Yields what the platform named: `(name, path, member or None)`."""
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            if not stat.S_ISREG(path.lstat().st_mode) or is_junk(name):
                continue
            if path.suffix.lower() != ".zip" or self._names_somebody(name):
                yield name, path, None
                continue
            try:
                yield from self._members(path)
            except Exception as error:  # of zipfile, zlib and codecs
                self._leave_out(name, f"the archive is damaged: {error!r:.100}")

    def _names_somebody(self, name):
        try:
            return self.collector.whose(name) is not None
        except Refused:
            return True

    def _members(self, path):
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise Refused(f"more than {MAX_MEMBERS} files")
        for member in members:
            if not (member.is_dir() or is_junk(member.filename)):
                yield member.filename, path, member

    def _sort_in(self, attempts, name, path, member):
        """Notes a file under its student and time."""
        counts = PurePosixPath(plain_path(name)).suffix.lower() in COUNTED
        found = self.collector.whose(name)
        if found is None:
            if counts:
                raise Refused("its name says no student and time")
            return self.log.info("No submission: %r", name)
        student, moment, rest = found
        by_time = attempts.setdefault(student, {})
        by_time.setdefault(moment, []).append(Piece(rest, path, member))

    def _take_latest(self, student, by_time, extracted):
        """Writes the notebook of the latest attempt that can be used."""
        assignment = self._assignment(extracted)
        for moment in sorted(by_time, reverse=True):
            try:
                submission = Submission()
                for piece in by_time[moment]:
                    submission.add(piece.name, piece.read())
                notebook = submission.notebook(assignment)
            except Exception as error:  # whatever one file does, it is one student's
                self._leave_out(f"{student}, {moment}", error)
                continue
            folder = extracted / student / moment.strftime("%Y-%m-%d-%H-%M-%S.%f")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{assignment}.ipynb").write_bytes(notebook)
            self.taken[student] = notebook, moment
            return

    def _assignment(self, extracted):
        app = self.parent
        return app.coursedir.assignment_id if app else extracted.parent.name

    def _leave_out(self, name, reason):
        self.left_out.append(name)
        self.log.error("Left out %r: %s", name[-200:], str(reason) or repr(reason))

    def _finish_afterwards(self):
        """Adds a last step to nbgrader's command, which asks plugins for none."""
        if app := self.parent:
            process = app.process_extracted_files
            app.process_extracted_files = lambda: (process(), self._finish(app))

    def _finish(self, app):
        """Notes when everything came; ends with an error if something is missing."""
        root, assignment = Path(app.coursedir.root), app.coursedir.assignment_id
        for student, (notebook, moment) in self.taken.items():
            time = None if moment == NO_TIME else moment
            arrivals.note(root, assignment, student, notebook, time)
        if self.left_out:
            names = ", ".join(repr(name[-80:]) for name in self.left_out[:50])
            app.fail(f"{len(self.left_out)} left out, the others collected: {names}")
