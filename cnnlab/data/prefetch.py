"""Fills a folder for an offline classroom: what the command `cnnlab prefetch` does.

A download that was cut short goes on where it stopped, and nothing incomplete ever
bears its final name. What a file must be, `sources` knows and verifies.
"""

import os
import shutil
from pathlib import Path

from cnnlab.data import adrenalmnist3d, fetch, image_folders, pretrained


def prefetch(folder, datasets=None, progress=None):
    """Fills a folder for an offline classroom: point `CNNLAB_DATA` at it.

    What is there and right is left alone, what is damaged is replaced. A download
    that was cut short goes on where it stopped: it is kept as `NAME.part`, and
    nothing incomplete ever bears its final name.

    Args:
        folder: Path of the folder; made if it is not there.
        datasets: Names of `published`, or None for all of them.
        progress: Called as `progress(name, done, total)` about once a megabyte,
            with the name of the archive and two numbers of bytes.

    Returns:
        A dict from the name of each dataset or backbone to the path of its folder.

    Raises:
        ValueError: If a dataset is unknown.
        DataError: If there is no network, no space, or a wrong file arrives.
    """
    known = published()
    datasets = list(known if datasets is None else datasets)
    if not set(datasets) <= set(known):
        raise ValueError(
            f"`datasets` must be among {sorted(known)}; what is embedded needs no "
            f"prefetch. Received: {datasets}"
        )
    folder = Path(folder).expanduser()
    return {name: _bring(known[name], folder, progress) for name in datasets}


def published():
    """Returns what can be brought: archives and weights by their names."""
    return {
        **fetch.ARCHIVES,
        **image_folders.ARCHIVES,
        "adrenalmnist3d": adrenalmnist3d.FILE,
        **pretrained.published(),
    }


def _bring(archive, folder, progress):
    is_packed = not isinstance(archive, fetch.File)
    target = folder / archive.folder
    packed = (folder if is_packed else target) / archive.name
    try:
        packed.parent.mkdir(parents=True, exist_ok=True)
        if _is_whole(archive, target):
            return target
        is_kept = is_packed and fetch.is_right(packed, archive.checksum)
        if not is_kept:
            fetch.download(archive, packed, progress)
        if is_packed:
            _unpack(packed, archive, target)
        if is_packed and not is_kept:
            packed.unlink()
    except OSError as error:
        raise fetch.not_written(archive, folder, error) from error
    return target


def _is_whole(archive, target):
    if isinstance(archive, image_folders.ImageFolders):
        return image_folders.is_whole(target, archive)
    files = getattr(archive, "files", {archive.name: archive.checksum})
    return all(fetch.is_right(target / name, files[name]) for name in files)


def _contents(packed, archive):
    if isinstance(archive, image_folders.ImageFolders):
        return image_folders.read(packed, archive).items()
    return fetch.read_packed(packed, archive, archive.files)


def _unpack(packed, archive, target):
    fresh = target.with_name(target.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)  # of a run that was killed
    try:
        fresh.mkdir()
        names = []
        for name, content in _contents(packed, archive):
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            (fresh / name).write_bytes(content)
            names.append(name)
        if target.exists():
            for name in names:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(fresh / name, target / name)
        else:
            os.replace(fresh, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
