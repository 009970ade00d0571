"""Fills a folder for an offline classroom: what the command `cnnlab prefetch` does.

A download that was cut short goes on where it stopped, and nothing incomplete ever
bears its final name. What a file must be, `sources` knows and verifies.
"""

import errno
import http.client
import os
import shutil
import urllib.request
from pathlib import Path

from cnnlab.data import sources

STALL_SECONDS = 30  # a running download gives up on a server that is silent for so long
BLOCK_BYTES = 1 << 20
MEGABYTE = 1e6


def prefetch(folder, datasets=None, progress=None):
    """Fills a folder for an offline classroom: point `CNNLAB_DATA` at it.

    What is there and right is left alone, what is damaged is replaced. A download
    that was cut short goes on where it stopped: it is kept as `NAME.part`, and
    nothing incomplete ever bears its final name.

    Args:
        folder: Path of the folder; made if it is not there.
        datasets: Names from `ARCHIVES`, or None for all of them.
        progress: Called as `progress(name, done, total)` about once a megabyte,
            with the name of the archive and two numbers of bytes.

    Returns:
        A dict from the name of each dataset to the path of its folder.

    Raises:
        ValueError: If a dataset is unknown.
        DataError: If there is no network, no space, or a wrong file arrives.
    """
    archives = sources.ARCHIVES
    datasets = list(archives if datasets is None else datasets)
    if not set(datasets) <= set(archives):
        raise ValueError(
            f"`datasets` must be among {sorted(archives)}; what is embedded needs no "
            f"prefetch. Received: {datasets}"
        )
    folder = Path(folder).expanduser()
    return {name: _bring(archives[name], folder, progress) for name in datasets}


def _bring(archive, folder, progress):
    target = folder / archive.folder
    packed = folder / archive.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if all(_is_right(target / name, md5) for name, md5 in archive.files.items()):
            return target
        if _is_right(packed, archive.checksum):
            _unpack(packed, archive, target)
        else:
            _download(archive, packed, progress)
            _unpack(packed, archive, target)
            packed.unlink()
    except OSError as error:
        raise _not_written(archive, folder, error) from error
    return target


def _is_right(path, checksum):
    try:
        sources.read(path, checksum)
    except sources.DataError:
        return False
    return True


def _not_written(archive, folder, error):
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


def _download(archive, packed, progress):
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
            f"The download of {archive.url} stopped: {error}. Prefetch again: what "
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


def _unpack(packed, archive, target):
    fresh = target.with_name(target.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)  # of a run that was killed
    try:
        fresh.mkdir()
        for name, content in sources.read_packed(packed, archive, archive.files):
            (fresh / name).write_bytes(content)
        if target.exists():
            for name in archive.files:
                os.replace(fresh / name, target / name)
        else:
            os.replace(fresh, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
