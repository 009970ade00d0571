"""Archives of a learning platform, unpacked within bounds, for `nbgrader zip_collect`.

One file that cannot be used stops nobody else's: it is left out, and the log says so.
"""

import io
import shutil
import zipfile
from pathlib import Path, PurePosixPath

from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin
from nbgrader.utils import parse_utc

from cnnlab.classroom.submission import MAX_MEGABYTES, is_name

ALL_MEGABYTES = 2000  # of everything that is unpacked
ALL_FILES = 10_000
DEEPEST = 3  # archives within archives


class BoundedExtractor(ExtractorPlugin):
    """Unpacks zip files, those inside them too; copies everything else."""

    def extract(self, archive_path, extracted_path):
        """Fills `extracted_path` from the files below `archive_path`."""
        self.bytes_left, self.files_left = ALL_MEGABYTES * 10**6, ALL_FILES
        archive_path = Path(archive_path)
        for path in sorted(each for each in archive_path.rglob("*") if each.is_file()):
            folder = Path(extracted_path) / path.parent.relative_to(archive_path)
            folder.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".zip":
                self._unpack(path, folder / path.stem)
            else:
                shutil.copy(path, folder)

    def _unpack(self, file, folder, depth=1):
        try:
            with zipfile.ZipFile(file) as archive:
                for member in archive.infolist():
                    self._take(archive, member, folder, depth)
        except (zipfile.BadZipFile, NotImplementedError) as error:
            self.log.warning("Left out %s: %s", folder.name, error)

    def _take(self, archive, member, folder, depth):
        """Writes one member of an archive, or says why not."""
        parts = PurePosixPath(member.filename).parts
        if member.is_dir():
            return
        try:
            if ".." in parts or member.filename.startswith("/"):
                raise ValueError("its name leads out of the folder")
            content = self._read(archive, member)
            path = folder.joinpath(*parts)
            if path.suffix == ".zip" and depth < DEEPEST:
                return self._unpack(
                    io.BytesIO(content), path.with_suffix(""), depth + 1
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except (OSError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
            self.log.warning("Left out %r: %s", member.filename[:200], error)

    def _read(self, archive, member):
        """Reads a member; never more than it may have, whatever its header says."""
        most = min(MAX_MEGABYTES * 10**6, self.bytes_left)
        if self.files_left < 1 or member.file_size > most:
            raise ValueError(f"more than {MAX_MEGABYTES} MB, or too much in all")
        with archive.open(member) as file:
            content = file.read(most)
        self.bytes_left -= len(content)
        self.files_left -= 1
        return content


class CarefulCollector(FileNameCollectorPlugin):
    """Takes a student and a time from a file's name, if they can be such."""

    def collect(self, submitted_file):
        """Returns nbgrader's dict for a file, or None to leave it out."""
        found = super().collect(submitted_file)
        if not found:
            return None
        try:
            parse_utc(found.get("timestamp") or "2000-01-01")
            if not is_name(found["student_id"]):
                raise ValueError("nobody can be called so")
        except (ValueError, OverflowError) as error:
            self.log.warning("Left out %r: %s", submitted_file[-200:], error)
            return None
        return found
