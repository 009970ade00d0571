"""Where a dataset comes from: a local folder, a download, or the packages at hand.

Every set in this room loads through `load`, which tries the three in that order
and says in one line what it took and why. A file is verified by its published
checksum before anything looks inside; what fails raises a `DataError` that names
the file, what was expected and received, and the way out.

`CNNLAB_DATA` names the local folder, which `prefetch` fills for a classroom
without a network; `CNNLAB_OFFLINE=1` forbids every download.

Used by every lesson; told in data/README.md.
"""

import errno
import hashlib
import http.client
import importlib.util
import io
import os
import pickle
import shutil
import tarfile
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

PATIENCE_SECONDS = 4  # without a network, a load gives up after this
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Record:
    """What was loaded: enough to cite it and to find the same data again."""

    name: str
    source: str  # "local", "download" or "embedded"
    classes: tuple[str, ...]
    licence: str
    citation: str
    checksum: str  # "md5:..." or "sha256:..."

    def __str__(self):
        count = f", {len(self.classes)} classes" if self.classes else ""
        return f"{self.name} ({self.source}{count})"


@dataclass(frozen=True)
class Archive:
    """An official archive as published, and the files that are wanted from it."""

    url: str
    checksum: str
    num_bytes: int  # of the archive
    num_bytes_unpacked: int
    folder: str  # the one folder inside it
    files: Mapping[str, str]  # name in that folder: checksum

    @property
    def name(self):
        return self.url.rsplit("/", 1)[-1]


class Availability(NamedTuple):
    """One line of `available`."""

    dataset: str
    source: str
    state: str  # "ready", "absent" or "damaged"
    remedy: str  # empty where there is nothing to do


class DataError(Exception):
    """A source that cannot be used: what is wrong, and the way out.

    Attributes:
        reason: The same in a few words, without paths, for the line of `auto`.
    """

    def __init__(self, message, reason):
        super().__init__(message)
        self.reason = reason


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
    "cifar10": "numpy",  # Scenes stands in for it
    "digits": "sklearn",
    "photographs": "skimage",
    "scenes": "numpy",
}


def available(verify=False):
    """Lists which dataset can be had from where, without loading any.

    Args:
        verify: Whether to compare every local file with its checksum, which reads
            it; otherwise only its presence is looked at.

    Returns:
        A list of `Availability`. Only the state "damaged" is a fault: an absent
        source is passed over by `auto`.
    """
    raise NotImplementedError


def prefetch(folder, datasets=None, progress=None):
    """Fills a folder for an offline classroom: point `CNNLAB_DATA` at it.

    A download that was cut short goes on where it stopped; what is there already
    and right is left alone; nothing incomplete ever bears its final name.

    Args:
        folder: Path of the folder; made if it is not there.
        datasets: Names from `ARCHIVES`, or None for all.
        progress: Called as `progress(name, done, total)` with the archive's name
            and two numbers of bytes, about once a megabyte.

    Returns:
        A dict from the name of each dataset to the path of its folder.

    Raises:
        ValueError: If a dataset is unknown.
        DataError: If there is no network, no space, or a wrong file arrives.
    """
    raise NotImplementedError
