"""Where a dataset comes from: a local folder, a download, or the packages at hand.

Every set in this room loads through `load`, which tries the three in that order
and says in one line what it took and why. A file is verified by its published
checksum before anything looks inside; what fails raises a `DataError` that names
the file, what was expected and received, and the way out.

`CNNLAB_DATA` names the local folder, which `prefetch.py` fills for a classroom without
a network. `CNNLAB_OFFLINE=1` forbids every download.

Used by every lesson. The datasets themselves: data/README.md.
"""

import errno
import hashlib
import http.client
import importlib.util
import io
import os
import shutil
import tarfile
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

PATIENCE_SECONDS = 4  # a load gives up on a server that is silent for so long
STALL_SECONDS = 30  # a running download gives up on a server that is silent for so long
BLOCK_BYTES = 1 << 20
MEGABYTE = 1e6
SET_DATA = "set CNNLAB_DATA to a folder that `cnnlab prefetch` has filled"
REPAIR = "`cnnlab prefetch` with this folder repairs it"
EMBED = 'source="embedded" does without it'


@dataclass(frozen=True)
class DataInfo:
    """What was loaded: enough to cite it and to find the same data again."""

    name: str
    source: str  # "local", "download" or "embedded"
    classes: tuple[str, ...]
    licence: str
    citation: str
    checksum: str  # "md5:..." or "sha256:..." of what the arrays were read from

    def __str__(self):
        count = f", {len(self.classes)} classes" if self.classes else ""
        return f"{self.name} ({self.source}{count})"


@dataclass(frozen=True)
class Archive:
    """An official archive as it is published, and the files wanted from it."""

    url: str
    checksum: str
    num_bytes: int  # packed
    num_bytes_unpacked: int
    folder: str  # the one folder inside it
    files: Mapping[str, str]  # name in that folder: checksum

    @property
    def name(self):
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class File:
    """A single file as it is published, which is used as it comes."""

    url: str
    checksum: str
    num_bytes: int
    num_bytes_unpacked: int = 0
    folder: str = ""  # where `CNNLAB_DATA` has it

    @property
    def name(self):
        return self.url.rsplit("/", 1)[-1].partition("?")[0]


class Availability(NamedTuple):
    """One line of `available`."""

    dataset: str
    source: str
    state: str  # "ready", "absent" or "damaged"
    remedy: str  # empty where the state is "ready"


class DataError(Exception):
    """A source that cannot be used: what is wrong, and the way out.

    Attributes:
        reason: The same in a few words, without paths, for the line of "auto".
    """

    def __init__(self, message, reason):
        super().__init__(message)
        self.reason = reason


class AbsentError(DataError):
    """A source that is not there, as opposed to one that is broken."""


ARCHIVES = {
    "cifar10": Archive(
        url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        checksum="md5:c58f30108f718f92721af3b95e74349a",
        num_bytes=170_498_071,
        num_bytes_unpacked=186_214_026,
        folder="cifar-10-batches-py",
        files={
            "data_batch_1": "md5:c99cafc152244af753f735de768cd75f",
            "data_batch_2": "md5:d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "md5:54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "md5:634d18415352ddfa80567beed471001a",
            "data_batch_5": "md5:482c414d41f54cd18b22e5b47cb7c3cb",
            "test_batch": "md5:40351d587109b95175f43aff81a1287e",
            "batches.meta": "md5:5ff9c542aee3614f3951f8cda6e48888",
        },
    ),
}
EMBEDDED = {  # dataset: the installed package that it comes from
    "cifar10": "numpy",  # Scenes stand in for it
    "digits": "sklearn",
    "photographs": "skimage",
    "scenes": "numpy",
}


# Choosing a source


def load(source, readers, what="Data", held="CNNLAB_DATA holds it"):
    """Reads a dataset from the source asked for, or from the first that has it.

    Args:
        source: A key of `readers`, or "auto": each in turn until one succeeds,
            and one printed line that says which, and why.
        readers: A dict from the name of a source to a function without arguments
            that returns a tuple ending in a `DataInfo`, or raises `DataError`.
        what: First word of the line.
        held: Why the source "local" was taken, for the line.

    Returns:
        What the reader returned.

    Raises:
        ValueError: If `source` is neither "auto" nor a key of `readers`.
        DataError: If the source asked for, or under "auto" every source, fails.
    """
    if source not in ("auto", *readers):
        names = ", ".join(f'"{name}"' for name in ("auto", *readers))
        raise ValueError(f"`source` must be one of {names}. Received: {source!r}")
    if source == "auto":
        return _first(readers, what, held)
    return readers[source]()


def _first(readers, what, held):
    errors = []
    for reader in readers.values():
        try:
            result = reader()
        except DataError as error:
            errors.append(error)
            continue
        because = _because(result[-1], errors, held)
        print(f"{what}: {result[-1]}, since {because}.")
        return result
    raise DataError("\n".join(map(str, errors)), "no source has it")


def _because(info, errors, held):
    if errors:
        return ", and ".join(error.reason for error in errors)
    return held if info.source == "local" else "it is always here"


def check_count(name, wanted, limit):
    """Checks how many items are wanted of a split that has `limit`; None means all.

    Args:
        name: Name of the caller's argument, for the error.
        wanted: Its value, an int in [1, limit] or None.
        limit: Number of items there are.

    Returns:
        How many to take.

    Raises:
        ValueError: If `wanted` lies outside.
    """
    if wanted is None:
        return limit
    if not 1 <= wanted <= limit:
        raise ValueError(
            f"`{name}` must lie between 1 and {limit}. Received: {name}={wanted}"
        )
    return wanted


# Files


def read(path, checksum, remedy=f"{REPAIR}; {EMBED}"):
    """Reads a file whole and verifies it, so that what is used is what was verified.

    Args:
        path: Path of the file.
        checksum: What was published, as "md5:..." or "sha256:...".
        remedy: The way out, for the error.

    Returns:
        The content of the file, bytes.

    Raises:
        DataError: If the file cannot be read or is not the published one.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}. "
            f"Check that it is there and may be read; {remedy}.",
            f"{path.name} cannot be read",
        ) from error
    _verify(content, checksum, path, remedy)
    return content


def _verify(content, checksum, path, remedy):
    algorithm, _, expected = checksum.partition(":")
    received = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
    if received != expected:
        raise DataError(
            f"{path} is damaged or not the official file, and was not used. "
            f"Expected: {algorithm} {expected}. "
            f"Received: {algorithm} {received}, {len(content):,} bytes. "
            f"Way out: {remedy}.",
            f"{path.name} is damaged or not the official file "
            "(`cnnlab doctor` tells more)",
        )


def find_local(archive):
    """Returns the path at which `CNNLAB_DATA` holds an archive, unpacked or packed.

    Raises:
        AbsentError: If `CNNLAB_DATA` is not set, or its folder holds neither.
        DataError: If the folder cannot be read.
    """
    folder = os.environ.get("CNNLAB_DATA")
    if not folder:
        message = f"CNNLAB_DATA is not set: {SET_DATA}."
        raise AbsentError(message, "CNNLAB_DATA is not set")
    folder = Path(folder).expanduser()
    try:
        entries = os.listdir(folder)
    except OSError as error:
        raise DataError(
            f"The folder CNNLAB_DATA={folder} cannot be read: "
            f"{error.strerror or error}. Check its permissions, or {SET_DATA}.",
            "the folder CNNLAB_DATA cannot be read",
        ) from error
    names = [name for name in (archive.folder, archive.name) if name]
    for name in names:
        if name in entries:
            return folder / name
    wanted = f"{archive.folder}/ or {archive.name}" if archive.folder else archive.name
    raise AbsentError(
        f"CNNLAB_DATA must hold {wanted}; "
        f"`cnnlab prefetch` with this folder brings it. Received: {folder}",
        f"CNNLAB_DATA does not hold {names[0]}",
    )


def read_local(archive, names):
    """Reads verified files of an archive from the folder `CNNLAB_DATA`.

    Args:
        archive: An `Archive`.
        names: Which of its files; no other is read.

    Yields:
        Pairs of a name and the content of that file, in any order.

    Raises:
        AbsentError: If the folder does not hold the archive.
        DataError: If the folder or a file cannot be read, or a file is damaged.
    """
    path = find_local(archive)
    if path.name == archive.name:
        yield from read_packed(path, archive, names)
    else:
        for name in names:
            yield name, read(path / name, archive.files[name])


def read_packed(path, archive, names):
    """Reads verified files out of a packed archive, in memory.

    Only `names` are looked for, so no member of a tampered archive can choose
    where it is written. Args, Yields and Raises are those of `read_local`.
    """
    content = io.BytesIO(read(path, archive.checksum))
    wanted = {f"{archive.folder}/{name}": name for name in names}
    with tarfile.open(fileobj=content) as members:
        for member in members:
            if member.isfile() and member.name in wanted:
                name = wanted.pop(member.name)
                file = members.extractfile(member).read()
                _verify(file, archive.files[name], path / name, REPAIR)
                yield name, file
    if wanted:
        message = f"{path} must hold {', '.join(sorted(wanted))}, and does not."
        raise DataError(message, f"{archive.name} is incomplete")


def read_packaged(package, name, checksum):
    """Reads a verified file that an installed package ships, without importing it.

    Args:
        package: Name by which Python imports the package.
        name: Path of the file inside it.
        checksum: As for `read`.

    Returns:
        The content of the file, bytes.

    Raises:
        DataError: If the package or the file is not there, or it is another file.
    """
    path = package_folder(package) / name
    return read(path, checksum, f"reinstall the package {package}")


def package_folder(package):
    """Returns the folder of an installed package, without importing it.

    Raises:
        DataError: If the package is not installed.
    """
    found = importlib.util.find_spec(package)
    if found is None:
        reason = f"the package {package} is not installed"
        raise DataError(f"{reason}: install requirements.txt.", reason)
    return Path(found.origin).parent


# Downloads


def require_download(dataset, url):
    """Makes sure that TensorFlow Datasets can bring a dataset, before it is imported.

    Raises:
        AbsentError: If downloads are forbidden, or its cache does not hold the
            dataset and nothing answers at `url`.
    """
    require_permission()
    cache = Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser()
    if not any(cache.glob(f"{dataset}/*/dataset_info.json")):
        require_network(url)


def require_network(url):
    """Makes sure that a download may be tried and that its server answers.

    The answer is awaited in a thread, since looking up a name has no time limit.
    A proxy set in the environment is respected.

    Raises:
        AbsentError: If downloads are forbidden or nothing answers.
    """
    require_permission()
    answers = []
    thread = threading.Thread(target=_knock, args=(url, answers), daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    if not answers:
        host = urlsplit(url).netloc
        raise AbsentError(
            f"{host} does not answer. Connect to a network, or {SET_DATA}.",
            f"{host} does not answer",
        )


def require_permission():
    """Raises `AbsentError` if `CNNLAB_OFFLINE=1` forbids downloads."""
    if os.environ.get("CNNLAB_OFFLINE") == "1":
        raise AbsentError(
            f"CNNLAB_OFFLINE=1 forbids downloads. Unset it, or {SET_DATA}.",
            "CNNLAB_OFFLINE=1 forbids downloads",
        )


def _knock(url, answers):
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
            answers.append(response.status)
    except urllib.error.HTTPError as refusal:
        answers.append(refusal.code)  # a refusal is an answer too
    except (OSError, http.client.HTTPException):
        pass


def cache(kind):
    """Returns the folder in which Keras keeps files of a kind, such as "models"."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / kind


def fetch(published, folder):
    """Returns the path of a published file in a folder, brought there if need be.

    Args:
        published: A `Archive`, `image_folders.ImageFolders` or `File`: anything
            with `url`, `name`, `checksum`, `num_bytes` and `num_bytes_unpacked`.
        folder: Path of the folder; made if it is not there.

    Raises:
        AbsentError: If downloads are forbidden or nothing answers.
        DataError: If a wrong file arrives, the download stops or the disk is full.
    """
    require_permission()
    path = Path(folder) / published.name
    if is_right(path, published.checksum):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        download(published, path, _show)
    except OSError as error:
        raise not_written(published, path.parent, error) from error
    return path


def _show(name, done, total):
    line = f"\r{name}: {done / MEGABYTE:.0f} of {total / MEGABYTE:.0f} MB"
    print(line, end="\n" if done == total else "", flush=True)


def is_right(path, checksum):
    """Says whether a file is there and is the published one."""
    try:
        read(path, checksum)
    except DataError:
        return False
    return True


def not_written(archive, folder, error):
    """Returns the `DataError` for an `OSError` while a folder was filled."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return DataError(
            f"{folder} cannot be written: {error}. Choose another folder.",
            "the folder cannot be written",
        )
    needed = (archive.num_bytes + archive.num_bytes_unpacked) / MEGABYTE
    free = shutil.disk_usage(folder).free / MEGABYTE
    return DataError(
        f"{folder} has no space left: {archive.name} needs {needed:.0f} MB in all, and "
        f"{free:.0f} MB are free. Make space and prefetch again: what has come is "
        "kept, and the download goes on from there.",
        "the disk is full",
    )


def download(archive, packed, progress):
    """Brings a published file, goes on where a stopped download was, and verifies it.

    Args:
        archive: As `published` for `fetch`.
        packed: Path at which the file ends.
        progress: Called as `progress(name, done, total)` about once a megabyte, or
            None.

    Raises:
        OSError: If the disk is full or cannot be written.
        AbsentError: If downloads are forbidden or nothing answers.
        DataError: If the download stops, or a wrong file arrives.
    """
    part = packed.with_name(packed.name + ".part")
    done = part.stat().st_size if part.exists() else 0
    if done < archive.num_bytes:
        require_network(archive.url)
        _require_space(archive, packed.parent, done)
        _continue(archive, part, done, progress)
    try:
        read(part, archive.checksum)
    except DataError:
        part.unlink()
        raise
    os.replace(part, packed)


def _require_space(archive, folder, done):
    needed = archive.num_bytes - done + archive.num_bytes_unpacked
    if shutil.disk_usage(folder).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _continue(archive, part, done, progress):
    headers = {"Range": f"bytes={done}-"} if done else {}
    request = urllib.request.Request(archive.url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=STALL_SECONDS) as response:
            _receive(response, archive, part, done, progress)
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DataError(
            f"The download of {archive.url} stopped: {error}. Try again: what "
            f"has come is kept in {part}, and the download goes on from there.",
            f"the download of {archive.name} stopped",
        ) from error


def _receive(response, archive, part, done, progress):
    resumed = response.status == http.client.PARTIAL_CONTENT
    done = done if resumed else 0
    if response.length not in (None, archive.num_bytes - done):
        raise ConnectionError(
            f"the server must offer {archive.num_bytes - done} bytes. "
            f"Received: {response.length}"
        )
    with open(part, "ab" if resumed else "wb") as file:
        while block := response.read(BLOCK_BYTES):
            file.write(block)
            done += len(block)
            if progress:
                progress(archive.name, done, archive.num_bytes)
    if done < archive.num_bytes:
        raise ConnectionError(f"{done} of {archive.num_bytes} bytes arrived")


@contextmanager
def prepared(dataset, url, title, remedy):
    """Lets TensorFlow Datasets bring a dataset, and names what fails while it is read.

    Args:
        dataset: Its name there.
        url: Where it is published; asked only if the cache does not hold it.
        title: What an error calls it.
        remedy: The way out, for the error.

    Yields:
        `tensorflow_datasets` and the builder of the dataset, which is prepared.

    Raises:
        AbsentError: If downloads are forbidden or nothing answers.
        DataError: If it is not brought, or not read.
    """
    require_download(dataset, url)
    try:
        import tensorflow_datasets as tfds

        builder = tfds.builder(dataset, try_gcs=False)
        if not builder.is_prepared():  # the cache holds another version
            require_network(url)
        builder.download_and_prepare()
        yield tfds, builder
    except DataError:
        raise
    except Exception as error:  # whatever a network, a disk or a cache may do
        raise DataError(
            f"TensorFlow Datasets did not bring {title}: {error}. "
            f"Try again, or {remedy}.",
            "TensorFlow Datasets did not bring it",
        ) from error


# What there is


def available(verify=False):
    """Lists which dataset can be had from where, without loading any.

    Args:
        verify: Whether to compare every local file with its checksum, for which
            it is read; otherwise its presence is enough.

    Returns:
        A list of `Availability`. Only the state "damaged" is a fault: an absent
        source is passed over by "auto".
    """
    rows = []
    for dataset, archive in ARCHIVES.items():
        rows.append(row(dataset, "local", _check_local, archive, verify))
        rows.append(row(dataset, "download", require_download, dataset, archive.url))
    for dataset, package in EMBEDDED.items():
        rows.append(row(dataset, "embedded", package_folder, package))
    return sorted(rows, key=lambda each: each.dataset)


def row(dataset, source, check, *arguments):
    """Returns an `Availability`: "ready" unless `check(*arguments)` raises."""
    try:
        check(*arguments)
    except AbsentError as error:
        return Availability(dataset, source, "absent", str(error))
    except DataError as error:
        return Availability(dataset, source, "damaged", str(error))
    return Availability(dataset, source, "ready", "")


def _check_local(archive, verify):
    path = find_local(archive)
    if verify:
        for _ in read_local(archive, archive.files):
            pass
    elif path.name != archive.name:
        missing = [name for name in archive.files if not (path / name).is_file()]
        if missing:
            message = f"{path} lacks {', '.join(missing)}; {REPAIR}."
            raise DataError(message, f"{archive.folder} is incomplete")
