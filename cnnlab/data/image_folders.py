"""Image folders: archives of photographs of any size, one folder a class.

Used by the data sets whose images come as JPEG files. A packed archive is verified by
its checksum; a folder may hold smaller copies of the photographs, so there each of
them is counted and decoded instead.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cnnlab.data import fetch


@dataclass(frozen=True)
class ImageFolders:
    """An official archive of photographs, `folder/split/class/NAME.jpg`."""

    url: str
    checksum: str
    num_bytes: int  # packed
    num_bytes_unpacked: int
    folder: str  # the one folder inside it
    counts: Mapping[str, int]  # "split/class": how many photographs

    @property
    def name(self):
        return self.url.rsplit("/", 1)[-1]


ARCHIVES = {
    "hymenoptera": ImageFolders(
        url="https://download.pytorch.org/tutorial/hymenoptera_data.zip",
        checksum=(
            "sha256:fbc41b31d544714d18dd1230b1e2b455e1557766e13e67f9f5a7a23af7c02209"
        ),
        num_bytes=47_286_322,
        num_bytes_unpacked=48_000_000,  # about
        folder="hymenoptera_data",
        counts={"train/ants": 123, "train/bees": 121, "val/ants": 70, "val/bees": 83},
    ),
}
FLOWERS = "https://download.tensorflow.org/example_images/flower_photos.tgz"


def read(path, archive):
    """Reads every photograph of an archive, from its folder or its packed archive.

    Args:
        path: Path of either.
        archive: An `ImageFolders`.

    Returns:
        A dict from "split/class/NAME.jpg" to the content of that file, sorted by split
        and then by name, so that classes are mixed.

    Raises:
        DataError: If the archive is damaged, a file cannot be read, or a class has
            more or fewer photographs than were published.
    """
    path = Path(path)
    packed = path.name == archive.name
    files = _read_zip(path, archive) if packed else _read_folder(path, archive)
    for kind, expected in archive.counts.items():
        found = sum(name.startswith(f"{kind}/") for name in files)
        if found != expected:
            raise fetch.DataError(
                f"{path / kind} must hold {expected} photographs (*.jpg). "
                f"Received: {found}. Way out: {fetch.REPAIR}; {fetch.EMBED}.",
                f"{archive.folder}/{kind} is incomplete",
            )
    return dict(sorted(files.items(), key=_split_and_name))


def _split_and_name(item):
    split, _, name = item[0].split("/")
    return split, name


def _read_folder(path, archive):
    return {
        f"{kind}/{file.name}": read_photograph(file)
        for kind in archive.counts
        for file in (path / kind).glob("*.jpg")
    }


def read_photograph(path):
    """Returns the content of a file, or raises a `DataError` that names it."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unusable(path, error.strerror or error) from error


def _read_zip(path, archive):
    content = io.BytesIO(fetch.read(path, archive.checksum))
    with zipfile.ZipFile(content) as members:
        wanted = {
            name.removeprefix(f"{archive.folder}/"): name for name in members.namelist()
        }
        return {
            name: members.read(member)
            for name, member in wanted.items()
            if name.endswith(".jpg") and name.rpartition("/")[0] in archive.counts
        }


def square(content, pixels, path):
    """Decodes a photograph and shrinks the square in its middle.

    Args:
        content: A JPEG file, bytes.
        pixels: Height and width of the result.
        path: What an error calls it.

    Returns:
        Colours in [0, 1], float32, shape `(pixels, pixels, 3)`.

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
    small = picture.resize((pixels, pixels), Image.Resampling.BILINEAR, box)
    return np.divide(small, np.float32(255))


def _unusable(path, error):
    return fetch.DataError(
        f"{path} cannot be used as a photograph: {error}. "
        f"Way out: {fetch.REPAIR}; {fetch.EMBED}.",
        f"{Path(path).name} is damaged",
    )


def squares(files, pixels, path):
    """Makes a square of each photograph.

    Args:
        files: A dict from names to contents.
        pixels: Height and width of the results.
        path: Where they lie, for an error.

    Returns:
        Images, float32 in [0, 1], shape `(N, pixels, pixels, 3)`.

    Raises:
        DataError: If one cannot be decoded; it is named.
    """
    images = np.empty((len(files), pixels, pixels, 3), np.float32)
    for image, (name, content) in zip(images, files.items(), strict=True):
        image[:] = square(content, pixels, Path(path) / name)
    return images


def fingerprint(files):
    """SHA-256 of names and contents."""
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(name.encode() + b"\0" + content)
    return f"sha256:{digest.hexdigest()}"


def available(verify=False):
    """Lists where photographs can be had; see `fetch.available`."""
    rows = [
        fetch.row("flowers", "download", fetch.require_download, "tf_flowers", FLOWERS),
    ]
    for dataset, archive in ARCHIVES.items():
        rows += [
            fetch.row(dataset, "local", _check, archive, verify),
            fetch.row(dataset, "download", _require_download, archive),
        ]
    stand_in = [
        fetch.row(dataset, "embedded", fetch.package_folder, "numpy")
        for dataset in ("flowers", *ARCHIVES)  # Scenes
    ]
    return sorted(rows + stand_in, key=lambda each: each.dataset)


def _require_download(archive):
    fetch.require_permission()
    if not (fetch.cache("datasets") / archive.name).exists():
        fetch.require_network(archive.url)


def _check(archive, verify):
    path = fetch.find_local(archive)
    if verify or path.name != archive.name:
        files = read(path, archive)
        for name, content in files.items() if verify else ():
            square(content, 8, path / name)


def is_whole(path, archive):
    """Says whether a folder holds every photograph of an archive, undamaged."""
    try:
        squares(read(path, archive), 8, path)
    except fetch.DataError:
        return False
    return True
