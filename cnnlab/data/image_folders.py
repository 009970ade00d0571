"""Image folders: photographs of any size, one folder a class.

Used by the data sets whose images come as JPEG files. An archive is verified by its
checksum; a folder may hold smaller copies of the photographs, so there each of them is
counted and decoded instead.
"""

import hashlib
import io
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from cnnlab.data import fetch


def read(path, file, counts):
    """Reads every photograph, from a folder or from the archive as published.

    Args:
        path: Path of either.
        file: The `fetch.File` of the archive.
        counts: A dict from "split/class" to how many photographs were published.

    Returns:
        A dict from "split/class/NAME.jpg" to the content of that file, sorted by split
        and then by name, so that classes are mixed.

    Raises:
        DataError: If the archive is damaged, a file cannot be read, or a class has
            more or fewer photographs than were published.
    """
    path = Path(path)
    packed = path.name == file.name
    files = _read_zip(path, file, counts) if packed else _read_folder(path, counts)
    for kind, expected in counts.items():
        found = sum(name.startswith(f"{kind}/") for name in files)
        if found != expected:
            raise fetch.DataError(
                f"{path / kind} must hold {expected} photographs (*.jpg). "
                f"Received: {found}. Way out: {fetch.REPAIR}; {fetch.EMBED}.",
                f"{file.unpacked}/{kind} is incomplete",
            )
    return dict(sorted(files.items(), key=_split_and_name))


def _split_and_name(item):
    split, _, name = item[0].split("/")
    return split, name


def _read_folder(folder, counts):
    return {
        f"{kind}/{path.name}": _read_photograph(path)
        for kind in counts
        for path in (folder / kind).glob("*.jpg")
    }


def _read_photograph(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unusable(path, error.strerror or error) from error


def _read_zip(path, file, counts):
    content = io.BytesIO(fetch.read(path, file.checksum))
    try:
        return _unzip(content, file, counts)
    except (zipfile.BadZipFile, zlib.error) as error:
        raise fetch.DataError(
            f"{path} is damaged: {error}. Way out: delete it; {fetch.REPAIR}.",
            f"{path.name} is damaged",
        ) from error


def _unzip(content, file, counts):
    with zipfile.ZipFile(content) as members:
        folder = file.inside or file.unpacked
        names = {name.removeprefix(f"{folder}/"): name for name in members.namelist()}
        return {
            name: members.read(member)
            for name, member in names.items()
            if name.endswith(".jpg") and name.rpartition("/")[0] in counts
        }


def crop_square(content, size, path):
    """Decodes a photograph and shrinks the square in its middle.

    Args:
        content: A JPEG file, bytes.
        size: Height and width of the result, in pixels.
        path: What an error calls it.

    Returns:
        Colours, uint8, shape `(size, size, 3)`.

    Raises:
        DataError: If it cannot be decoded as a whole.
    """
    try:
        with Image.open(io.BytesIO(content)) as file:
            picture = file.convert("RGB")
    except Exception as error:  # a damaged file may raise anything
        raise _unusable(path, error) from error
    side = min(picture.size)
    left, top = ((length - side) / 2 for length in picture.size)
    box = (left, top, left + side, top + side)
    return np.array(picture.resize((size, size), Image.Resampling.BILINEAR, box))


def _unusable(path, error):
    return fetch.DataError(
        f"{path} cannot be used as a photograph: {error}. "
        f"Way out: {fetch.REPAIR}; {fetch.EMBED}.",
        f"{Path(path).name} is damaged",
    )


def crop_squares(files, size, folder):
    """Decodes photographs to one size; see `crop_square`.

    Args:
        files: A dict from names to contents.
        size: Height and width of the results, in pixels.
        folder: Where they lie, for an error.

    Returns:
        Images, uint8, shape `(N, size, size, 3)`.

    Raises:
        DataError: If one cannot be decoded; it is named.
    """
    images = np.empty((len(files), size, size, 3), np.uint8)
    for image, (name, content) in zip(images, files.items(), strict=True):
        image[:] = crop_square(content, size, Path(folder) / name)
    return images


def crop_splits(files, num_wanted, classes, size, folder):
    """Decodes the first photographs of each split.

    Args:
        files: A dict from "split/class/NAME.jpg" to contents, as `read` returns it.
        num_wanted: A dict from the name of a split to how many, or None for all.
        classes: Names of the classes, in the order of the labels.
        size: Height and width of the results, in pixels.
        folder: Where they lie, for an error.

    Returns:
        For each split a pair of images, uint8, shape `(N, size, size, 3)`, and labels,
        int64, shape `(N,)`.

    Raises:
        DataError: If one cannot be decoded; it is named.
    """
    splits = []
    for split, count in num_wanted.items():
        names = [name for name in files if name.startswith(f"{split}/")][:count]
        chosen = {name: files[name] for name in names}
        labels = [classes.index(name.split("/")[1]) for name in names]
        images = crop_squares(chosen, size, folder)
        splits.append((images, np.array(labels, np.int64)))
    return splits


def fingerprint(files):
    """Returns the SHA-256 of names and contents."""
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(name.encode() + b"\0" + content)
    return f"sha256:{digest.hexdigest()}"
