"""Where a data set comes from: a local folder, a download, or the packages at hand.

Every set in this room loads through `load`, which tries the three in that order
and prints in one line which it used and why. A file is verified by its published
checksum before anything looks inside; what fails raises a `DataError` that names
the file, what was expected and received, and the way out.

`CNNLAB_DATA` names the local folder, which `prefetch.py` fills for a classroom without
a network. Downloads are the business of `network.py`; what TensorFlow Datasets holds
comes through `tfds.py`.

Used by every lesson. The data sets themselves: data/README.md.
"""

import hashlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from cnnlab.data import pixels

SET_DATA = "set CNNLAB_DATA to a folder that `cnnlab prefetch` has filled"
PREFETCH = "`cnnlab prefetch` with this folder brings it"
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
class File:
    """A file as it is published."""

    url: str
    checksum: str  # empty where none is published: the content tells
    folder: str = ""  # where the folder `CNNLAB_DATA` has it
    unpacked: str = ""  # the one folder inside it, if it is an archive
    inside: str = ""  # what that folder is called inside, if otherwise
    remedy: str = PREFETCH  # what to do where `CNNLAB_DATA` lacks it

    @property
    def name(self):
        return self.url.rsplit("/", 1)[-1].partition("?")[0]


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


# Choosing a source


def load(source, readers, dtype=None, what="Data", held="CNNLAB_DATA holds it"):
    """Reads a data set from the source asked for, or from the first that has it.

    Args:
        source: A key of `readers`, or "auto": each in turn until one succeeds,
            and one printed line that says which, and why.
        readers: A dict from the name of a source to a function without arguments
            that returns a tuple ending in a `DataInfo`, or raises `DataError`.
        dtype: "float32" or "uint8" for all images of the pairs `(images, labels)`
            before the `DataInfo`, as `pixels.convert` makes them; None leaves
            whatever the reader returns.
        what: First word of the line.
        held: Why the source "local" was chosen, for the line.

    Returns:
        What the reader returned.

    Raises:
        ValueError: If `source` is neither "auto" nor a key of `readers`, or `dtype`
            is another.
        DataError: If the source asked for, or under "auto" every source, fails.
    """
    if source not in ("auto", *readers):
        names = ", ".join(f'"{name}"' for name in ("auto", *readers))
        raise ValueError(f"`source` must be one of {names}. Received: {source!r}")
    if dtype is not None:
        pixels.check_dtype(dtype)
    read_any = source == "auto"
    result = _read_first(readers, what, held) if read_any else readers[source]()
    if dtype is None:
        return result
    *splits, info = result
    splits = [(pixels.convert(images, dtype), labels) for images, labels in splits]
    return *splits, info


def _read_first(readers, what, held):
    errors = []
    for reader in readers.values():
        try:
            result = reader()
        except DataError as error:
            errors.append(error)
            continue
        print(f"{what}: {result[-1]}, since {_explain(result[-1], errors, held)}.")
        return result
    raise DataError("\n".join(map(str, errors)), "no source has it")


def _explain(info, errors, held):
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
        How many to load.

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
        checksum: What was published, as "md5:..." or "sha256:...", or empty where
            nothing was.
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
    if checksum:
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


def is_right(path, checksum):
    """Says whether a file is there and is the published one."""
    try:
        read(path, checksum)
    except DataError:
        return False
    return True


def find_local(file):
    """Returns the path at which `CNNLAB_DATA` holds a file, unpacked or as published.

    Args:
        file: A `File`.

    Raises:
        AbsentError: If `CNNLAB_DATA` is not set, or its folder holds neither.
        DataError: If the folder cannot be read.
    """
    folder = os.environ.get("CNNLAB_DATA")
    if not folder:
        message = f"CNNLAB_DATA is not set: {SET_DATA}."
        raise AbsentError(message, "CNNLAB_DATA is not set")
    folder = expand_home(folder)
    try:
        entries = os.listdir(folder)
    except OSError as error:
        raise DataError(
            f"The folder CNNLAB_DATA={folder} cannot be read: "
            f"{error.strerror or error}. Check its permissions, or {SET_DATA}.",
            "the folder CNNLAB_DATA cannot be read",
        ) from error
    names = [name for name in (file.unpacked, file.name) if name]
    for name in names:
        if name in entries:
            return folder / name
    wanted = f"{file.unpacked}/ or {file.name}" if file.unpacked else file.name
    raise AbsentError(
        f"CNNLAB_DATA must hold {wanted}; {file.remedy}. Received: {folder}",
        f"CNNLAB_DATA does not hold {names[0]}",
    )


def expand_home(path):
    """Returns a path whose `~` is replaced, so that no folder is ever called `~`.

    Raises:
        DataError: If nothing says where that home folder is.
    """
    expanded = os.path.expanduser(path)
    if str(expanded).startswith("~"):
        raise DataError(
            f"{path} begins with a home folder that is not known: HOME is not set, or "
            "there is no such user. Way out: give the path in full.",
            f"the home folder of {path} is not known",
        )
    return Path(expanded)


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
    path = find_package(package) / name
    return read(path, checksum, f"reinstall the package {package}")


def find_package(package):
    """Returns the folder of an installed package, without importing it.

    Raises:
        DataError: If the package is not installed.
    """
    found = importlib.util.find_spec(package)
    if found is None:
        reason = f"the package {package} is not installed"
        raise DataError(f"{reason}: install requirements.txt.", reason)
    return Path(found.origin).parent
