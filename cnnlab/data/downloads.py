"""Downloads: a file comes whole and verified, or goes on later where it stopped.

A file on its way is called `NAME.part`; nothing incomplete ever bears its final name.
Keras' own cache (`KERAS_HOME`, or `~/.keras`) is where a lesson's downloads go.
"""

import errno
import http.client
import os
import shutil
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from cnnlab.data import sources

STALL_SECONDS = 30  # a running download gives up on a server that is silent for so long
BLOCK_BYTES = 1 << 20
MEGABYTE = 1e6


def cache(kind):
    """Returns the folder in which Keras keeps files of a kind, such as "models"."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / kind


def fetch(published, folder):
    """Returns the path of a published file in a folder, brought there if need be.

    Args:
        published: A `sources.Archive`, `albums.Album` or `sources.File`: anything
            with `url`, `name`, `checksum`, `num_bytes` and `num_bytes_unpacked`.
        folder: Path of the folder; made if it is not there.

    Raises:
        AbsentError: If downloads are forbidden or nothing answers.
        DataError: If a wrong file arrives, the download stops or the disk is full.
    """
    sources.require_permission()
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
        sources.read(path, checksum)
    except sources.DataError:
        return False
    return True


def not_written(archive, folder, error):
    """Returns the `DataError` for an `OSError` while a folder was filled."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return sources.DataError(
            f"{folder} cannot be written: {error}. Choose another folder.",
            "the folder cannot be written",
        )
    needed = (archive.num_bytes + archive.num_bytes_unpacked) / MEGABYTE
    free = shutil.disk_usage(folder).free / MEGABYTE
    return sources.DataError(
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
        sources.require_network(archive.url)
        _require_space(archive, packed.parent, done)
        _continue(archive, part, done, progress)
    try:
        sources.read(part, archive.checksum)
    except sources.DataError:
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
        raise sources.DataError(
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
    sources.require_download(dataset, url)
    try:
        import tensorflow_datasets as tfds

        builder = tfds.builder(dataset, try_gcs=False)
        if not builder.is_prepared():  # the cache holds another version
            sources.require_network(url)
        builder.download_and_prepare()
        yield tfds, builder
    except sources.DataError:
        raise
    except Exception as error:  # whatever a network, a disk or a cache may do
        raise sources.DataError(
            f"TensorFlow Datasets did not bring {title}: {error}. "
            f"Try again, or {remedy}.",
            "TensorFlow Datasets did not bring it",
        ) from error
