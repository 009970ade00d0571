"""Albums: official archives of photographs, one folder a class, of any size and shape.

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

from cnnlab.data import downloads, sources


@dataclass(frozen=True)
class Album:
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


ALBUMS = {
    "hymenoptera": Album(
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


def read(place, album):
    """Reads every photograph of an album, from its folder or its packed archive.

    Args:
        place: Path of either.
        album: An `Album`.

    Returns:
        A dict from "split/class/NAME.jpg" to the content of that file, sorted by split
        and then by name, so that classes are mixed.

    Raises:
        DataError: If the archive is damaged, a file cannot be read, or a class has
            more or fewer photographs than were published.
    """
    place = Path(place)
    packed = place.name == album.name
    files = _read_zip(place, album) if packed else _read_folder(place, album)
    for kind, expected in album.counts.items():
        found = sum(name.startswith(f"{kind}/") for name in files)
        if found != expected:
            raise sources.DataError(
                f"{place / kind} must hold {expected} photographs (*.jpg). "
                f"Received: {found}. Way out: {sources.REPAIR}; {sources.EMBED}.",
                f"{album.folder}/{kind} is incomplete",
            )
    return dict(sorted(files.items(), key=_split_and_name))


def _split_and_name(item):
    split, _, name = item[0].split("/")
    return split, name


def _read_folder(place, album):
    return {
        f"{kind}/{path.name}": read_photograph(path)
        for kind in album.counts
        for path in (place / kind).glob("*.jpg")
    }


def read_photograph(path):
    """Returns the content of a file, or raises a `DataError` that names it."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unusable(path, error.strerror or error) from error


def _read_zip(place, album):
    content = io.BytesIO(sources.read(place, album.checksum))
    with zipfile.ZipFile(content) as members:
        wanted = {
            name.removeprefix(f"{album.folder}/"): name for name in members.namelist()
        }
        return {
            name: members.read(member)
            for name, member in wanted.items()
            if name.endswith(".jpg") and name.rpartition("/")[0] in album.counts
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
    return sources.DataError(
        f"{path} cannot be used as a photograph: {error}. "
        f"Way out: {sources.REPAIR}; {sources.EMBED}.",
        f"{Path(path).name} is damaged",
    )


def squares(files, pixels, place):
    """Makes a square of each photograph.

    Args:
        files: A dict from names to contents.
        pixels: Height and width of the results.
        place: Where they lie, for an error.

    Returns:
        Images, float32 in [0, 1], shape `(N, pixels, pixels, 3)`.

    Raises:
        DataError: If one cannot be decoded; it is named.
    """
    images = np.empty((len(files), pixels, pixels, 3), np.float32)
    for image, (name, content) in zip(images, files.items(), strict=True):
        image[:] = square(content, pixels, Path(place) / name)
    return images


def fingerprint(files):
    """SHA-256 of names and contents."""
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(name.encode() + b"\0" + content)
    return f"sha256:{digest.hexdigest()}"


def available(verify=False):
    """Lists where photographs can be had; see `sources.available`."""
    rows = [
        sources.row(
            "flowers", "download", sources.require_download, "tf_flowers", FLOWERS
        ),
    ]
    for dataset, album in ALBUMS.items():
        rows += [
            sources.row(dataset, "local", _check, album, verify),
            sources.row(dataset, "download", _require_download, album),
        ]
    stand_in = [
        sources.row(dataset, "embedded", sources.package_folder, "numpy")
        for dataset in ("flowers", *ALBUMS)  # Scenes
    ]
    return sorted(rows + stand_in, key=lambda each: each.dataset)


def _require_download(album):
    sources.require_permission()
    if not (downloads.cache("datasets") / album.name).exists():
        sources.require_network(album.url)


def _check(album, verify):
    place = sources.find_local(album)
    if verify or place.name != album.name:
        files = read(place, album)
        for name, content in files.items() if verify else ():
            square(content, 8, place / name)


def is_whole(place, album):
    """Says whether a folder holds every photograph of an album, undamaged."""
    try:
        squares(read(place, album), 8, place)
    except sources.DataError:
        return False
    return True
