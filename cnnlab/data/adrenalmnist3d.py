"""AdrenalMNIST3D: 1,584 adrenal glands cut out of CT scans, healthy or enlarged.

Volumes of 28x28x28 voxels. Without them, `solids` stand in.

Taught in notebooks/13_3d_cnns.ipynb.
Source: Yang et al. 2023, MedMNIST v2, https://doi.org/10.1038/s41597-022-01721-8
"""

import numpy as np

from cnnlab.data import fetch, network, npz, solids

CLASSES = ("normal", "hyperplasia")
SHAPES = {  # of the published arrays
    f"{split}_{kind}": (count, *shape)
    for split, count in (("train", 1_188), ("val", 98), ("test", 298))
    for kind, shape in (("images", (28, 28, 28)), ("labels", (1,)))
}
FILE = fetch.File(
    "https://zenodo.org/records/10519652/files/adrenalmnist3d.npz?download=1",
    "md5:bbd3c5a5576322bc4cdfea780653b1ce",
)


def load(source="auto", num_train=None, dtype="float32"):
    """Loads AdrenalMNIST3D in its published splits, or drawn solids without it.

    Args:
        source: "local", "download", "embedded" (solids), or "auto": the first of
            these that is there.
        num_train: Number of training volumes, the first of the 1,188.
        dtype: "float32" for values in [0, 1], or "uint8".

    Returns:
        `train_set, val_set, test_set, info`: three pairs of volumes, shape
        `(N, 28, 28, 28, 1)`, and labels, int64, shape `(N,)`.

    Raises:
        ValueError: If an argument is out of range.
        DataError: If the source asked for cannot be used.
    """
    if source != "embedded":
        fetch.check_count("num_train", num_train, SHAPES["train_labels"][0])
    readers = {
        "local": lambda: _read("local", fetch.find_local(FILE), num_train),
        "download": lambda: _read("download", _download(), num_train),
        "embedded": lambda: solids.load("embedded", num_train),
    }
    return fetch.load(source, readers, dtype)


def check(path, verify=False):
    """Raises `DataError` if a file is not the published one; looks only to `verify`."""
    if verify:
        fetch.read(path, FILE.checksum)


def _download():
    return network.download(FILE, network.find_cache("datasets"))


def _read(source, path, num_train):
    arrays = npz.read_arrays(fetch.read(path, FILE.checksum), SHAPES, path)
    sizes = {"train": num_train, "val": None, "test": None}
    splits = [_split(arrays, split, size) for split, size in sizes.items()]
    return *splits, _describe(source)


def _split(arrays, split, size):
    volumes = arrays[f"{split}_images"][:size, ..., None]
    return volumes, arrays[f"{split}_labels"][:size, 0].astype(np.int64)


def _describe(source):
    return fetch.DataInfo(
        name="AdrenalMNIST3D",
        source=source,
        classes=CLASSES,
        licence="CC BY 4.0",
        citation="Yang et al. 2023, https://doi.org/10.1038/s41597-022-01721-8",
        checksum=FILE.checksum,
    )
