"""Fills a folder for an offline classroom: what the command `cnnlab prefetch` does."""

import os
import shutil
import tempfile

from cnnlab.data import (
    adrenalmnist3d,
    cifar10,
    clothing,
    fetch,
    hymenoptera,
    network,
    pretrained,
)

ARCHIVES = {  # are unpacked
    "cifar10": cifar10,
    "hymenoptera": hymenoptera,
    "clothing": clothing,
}


def list_published():
    """Returns what can be downloaded: a dict from names to `fetch.File`s."""
    return {
        **{name: dataset.FILE for name, dataset in ARCHIVES.items()},
        "adrenalmnist3d": adrenalmnist3d.FILE,
        **pretrained.list_published(),
    }


def prefetch(folder, datasets=None):
    """Fills a folder for an offline classroom: point `CNNLAB_DATA` at it.

    What is there and right is left alone, what is damaged is replaced.

    Args:
        folder: Path of the folder; made if it is not there.
        datasets: Names of `list_published`, or None for all of them.

    Returns:
        A dict from the name of each data set or network to the path of its file, or
        of its folder.

    Raises:
        ValueError: If a data set is unknown.
        DataError: If there is no network, no space, or a wrong file arrives.
    """
    known = list_published()
    datasets = list(known if datasets is None else datasets)
    if not set(datasets) <= set(known):
        raise ValueError(
            f"`datasets` must be among {sorted(known)}; what is embedded needs no "
            f"prefetch. Received: {datasets}"
        )
    folder = fetch.expand_home(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return {name: _bring(name, known[name], folder) for name in datasets}
    except OSError as error:
        raise network.cannot_write(folder, error) from error


def _bring(name, file, folder):
    path = folder / file.folder / file.name
    if not file.unpacked:
        is_there = fetch.is_right(path, file.checksum)
        return path if is_there else network.download(file, path.parent)
    unpacked = folder / file.unpacked
    if not _is_whole(ARCHIVES[name], unpacked):
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            packed = _find_packed(file, folder, scratch)
            if not file.checksum:
                ARCHIVES[name].check(packed, verify=True)
            _unpack(packed, scratch)
            fresh = os.path.join(scratch, file.inside or file.unpacked)
            shutil.copytree(
                fresh, unpacked, copy_function=os.replace, dirs_exist_ok=True
            )
    return unpacked


def _is_whole(dataset, folder):
    try:
        dataset.check(folder, verify=True)
    except fetch.DataError:
        return False
    return True


def _find_packed(file, folder, scratch):
    """Returns an archive that was downloaded by hand, or downloads it."""
    path = folder / file.name
    return (
        path if fetch.is_right(path, file.checksum) else network.download(file, scratch)
    )


def _unpack(path, folder):
    options = {} if path.suffix == ".zip" else {"filter": "data"}  # nothing outside
    shutil.unpack_archive(path, folder, **options)
