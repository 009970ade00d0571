"""`nbgrader collect` from a folder that every student can write to.

Nothing in it is trusted: no link is followed, no special file is opened, and a
submission is its owner's. Students also write the time there. It counts only if nothing
in the submission changed later, which the operating system notes by itself.
"""

import os
import re
import shutil
import stat
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.exchange.default import ExchangeCollect
from traitlets import Bool

from cnnlab.classroom import arrivals
from cnnlab.classroom.bounded_copy import TIMESTAMP, BoundedCopy, Refused, user_name
from cnnlab.classroom.submission import is_name, plain_name
from cnnlab.classroom.times import parse_time

SLOW = timedelta(minutes=10)  # between the name of a submission and its last change

Found = namedtuple("Found", "student time folder owner")


class CarefulCollect(ExchangeCollect):
    """Collects the latest submission of each student that is really the student's."""

    check_time = Bool(
        True,
        help="Take the time of the last change where it is not the time in the name. "
        "Switch it off for an exchange that was copied.",
    ).tag(config=True)

    def init_src(self):
        """Finds each student's submissions, the latest first."""
        if not self.coursedir.course_id:
            self.fail(
                "No course id is given. Say --course NAME, or set it in the file."
            )
        self.inbound_path = os.path.join(self.root, self.coursedir.course_id, "inbound")
        if not os.path.isdir(self.inbound_path):
            self.fail(f"Course not found: {self.inbound_path}")
        self.left_out, self.submissions = [], {}
        wanted = plain_name(self.coursedir.student_id or "*")
        for name in sorted(os.listdir(self.inbound_path)):
            try:
                found = self._read_name(name)
                if found and wanted in ("*", found.student):
                    self.submissions.setdefault(found.student, []).append(found)
            except Refused as reason:
                self._leave_out(name, reason)
        for found in self.submissions.values():
            found.sort(key=self._order, reverse=True)

    def _order(self, found):
        in_time = self.before_duedate and self.duedate and found.time <= self.duedate
        return bool(in_time), found.time

    @property
    def duedate(self):
        """When the assignment is due, or None."""
        coursedir = self.coursedir
        with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
            try:
                return gradebook.find_assignment(coursedir.assignment_id).duedate
            except MissingEntry:
                return None

    def _read_name(self, name):
        """Reads `STUDENT+ASSIGNMENT+TIME+RANDOM`; None for another assignment."""
        assignment = re.escape(self.coursedir.assignment_id)
        form = rf"(?P<student>.+)\+{assignment}\+(?P<time>.+?)(?:\+[\w=-]+)?"
        found = re.fullmatch(form, name)
        if not found:
            return None
        student = plain_name(found["student"])
        if not is_name(student):
            raise Refused("nobody can be called so")
        folder = os.path.join(self.inbound_path, name)
        status = os.lstat(folder)
        if not stat.S_ISDIR(status.st_mode):
            raise Refused("it is no folder")
        if self.check_owner and plain_name(user_name(status.st_uid)) != student:
            raise Refused(f"it belongs to {user_name(status.st_uid)}, not to {student}")
        try:
            moment = parse_time(found["time"])
        except ValueError as error:
            raise Refused(str(error)) from None
        return Found(student, moment, folder, status.st_uid)

    def copy_files(self):
        """Copies what can be used; ends with an error if something was left out."""
        for student, found in sorted(self.submissions.items()):
            for each in found:
                try:
                    self._collect(each)
                    break
                except (Refused, OSError, UnicodeError) as reason:
                    self._leave_out(os.path.basename(each.folder), reason)
            else:
                self.log.error("Nothing of %s can be collected", student)
        if self.left_out:
            names = ", ".join(repr(name) for name in self.left_out[:50])
            self.fail(f"{len(self.left_out)} left out, the others collected: {names}")

    def _leave_out(self, name, reason):
        self.left_out.append(name[:120])
        self.log.error("Left out %r: %s", name[:200], reason)

    def _collect(self, found):
        """Copies one submission beside its place, then puts it there whole."""
        coursedir, assignment = self.coursedir, self.coursedir.assignment_id
        place = Path(
            coursedir.format_path(
                coursedir.submitted_directory, found.student, assignment
            )
        )
        if not self._is_wanted(place, found):
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        new = place.with_name(f".{place.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        try:
            copy = BoundedCopy(found.owner, coursedir.ignore)
            copy.folder(found.folder, new)
            moment = self._moment(found, copy.last_change)
            (new / TIMESTAMP).write_text(f"{moment} UTC\n", encoding="utf-8")
            self._share(new)
            if place.exists():
                shutil.rmtree(place)
            new.rename(place)
        finally:
            shutil.rmtree(new, ignore_errors=True)
        notebook = place / f"{assignment}.ipynb"
        if notebook.is_file():
            content = notebook.read_bytes()
            root = Path(coursedir.root)
            arrivals.note(root, assignment, found.student, content, moment)
        self.log.info("Collected %s of %s", assignment, found.student)

    def _is_wanted(self, place, found):
        """Says whether a submission is new, by nbgrader's own rules."""
        if not place.is_dir():
            return True
        known = self.coursedir.get_existing_timestamp(str(place))
        newer = self.update and (known is None or found.time > known)
        if newer or (self.before_duedate and known != found.time):
            return True
        self.log.info("Nothing newer of %s; --update replaces", found.student)
        return False

    def _moment(self, found, last_change):
        """Returns when a submission came: as named, unless it was changed later."""
        changed = datetime.fromtimestamp(last_change, UTC).replace(tzinfo=None)
        if not self.check_time or abs(changed - found.time) <= SLOW:
            return found.time
        self.log.warning(
            "%s says %s, but was last changed at %s, which counts",
            os.path.basename(found.folder),
            found.time,
            changed,
        )
        return changed

    def _share(self, folder):
        """Lets the group of the course write, if the course is shared."""
        if self.coursedir.groupshared:
            self.set_perms(folder, 0o664, 0o2775)
