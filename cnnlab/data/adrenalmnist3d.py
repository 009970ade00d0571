"""AdrenalMNIST3D: 1,584 adrenal glands cut out of CT scans, healthy or enlarged.

Volumes of 28x28x28 voxels. Without them, `solids` stand in.

Taught in notebooks/13_3d_cnns.ipynb.
Source: Yang et al. 2023, MedMNIST v2, https://doi.org/10.1038/s41597-022-01721-8
"""

import numpy as np

from cnnlab.data import fetch, npz, solids

CLASSES = ("normal", "hyperplasia")
SHAPES = {  # of the published arrays
    f"{split}_{kind}": (count, *shape)
    for split, count in (("train", 1_188), ("val", 98), ("test", 298))
    for kind, shape in (("images", (28, 28, 28)), ("labels", (1,)))
}
FILE = fetch.File(
    "https://zenodo.org/records/10519652/files/adrenalmnist3d.npz?download=1",
    "md5:bbd3c5a5576322bc4cdfea780653b1ce",
    276_833,
)


def load(source="auto", num_train=None):
    """Loads AdrenalMNIST3D in its published splits, or drawn solids without it.

    Args:
        source: "local", "download", "embedded" (solids), or "auto": the first of
            these that is there.
        num_train: Number of training volumes, the first of the 1,188.

    Returns:
        `train_set, val_set, test_set, info`: three pairs of volumes, float32 in
        [0, 1], shape `(N, 28, 28, 28, 1)`, and labels, int64, shape `(N,)`.

    Raises:
        ValueError: If an argument is out of range.
        DataError: If the source asked for cannot be used.
    """
    if source != "embedded":
        fetch.check_count("num_train", num_train, SHAPES["train_labels"][0])
    readers = {
        "local": lambda: _read("local", num_train),
        "download": lambda: _read("download", num_train),
        "embedded": lambda: solids.load("embedded", num_train),
    }
    return fetch.load(source, readers)


def _read(source, num_train):
    if source == "local":
        path = fetch.find_local(FILE)
    else:
        path = fetch.fetch(FILE, fetch.cache("datasets"))
    arrays = npz.read_arrays(fetch.read(path, FILE.checksum), SHAPES, path)
    sizes = {"train": num_train, "val": None, "test": None}
    splits = [_split(arrays, split, size) for split, size in sizes.items()]
    return *splits, _describe(source)


def _split(arrays, split, size):
    voxels = arrays[f"{split}_images"][:size, ..., None]
    labels = arrays[f"{split}_labels"][:size, 0].astype(np.int64)
    return np.divide(voxels, 255, dtype=np.float32), labels


def _describe(source):
    return fetch.DataInfo(
        name="AdrenalMNIST3D",
        source=source,
        classes=CLASSES,
        licence="CC BY 4.0",
        citation="Yang et al. 2023, https://doi.org/10.1038/s41597-022-01721-8",
        checksum=FILE.checksum,
    )


def available(verify=False):
    """Lists where the glands can be had; see `fetch.available`."""
    return [
        fetch.row("adrenalmnist3d", "local", _check, verify),
        fetch.row("adrenalmnist3d", "download", _require_download),
        fetch.row("adrenalmnist3d", "embedded", fetch.package_folder, "numpy"),
    ]


def _check(verify):
    path = fetch.find_local(FILE)
    if verify:
        fetch.read(path, FILE.checksum)


def _require_download():
    fetch.require_permission()
    if not (fetch.cache("datasets") / FILE.name).exists():
        fetch.require_network(FILE.url)
