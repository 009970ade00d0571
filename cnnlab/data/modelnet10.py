"""ModelNet10: 4,899 pieces of furniture as 32x32x32 voxels.

Without them, `solids` stand in.

Taught in notebooks/13_3d_cnns.ipynb.
Source: Wu et al. 2015, 3D ShapeNets, https://arxiv.org/abs/1406.5670
"""

import hashlib

import numpy as np

from cnnlab.data import fetch, npz, solids

CLASSES = (
    "bathtub",
    "bed",
    "chair",
    "desk",
    "dresser",
    "monitor",
    "night stand",
    "sofa",
    "table",
    "toilet",
)
SHAPES = {  # of the arrays
    f"{kind}_{split}": (count, *shape)
    for split, count in (("train", 3_991), ("test", 908))
    for kind, shape in (("X", (32, 32, 32)), ("y", ()))
}
NUM_TRAIN, NUM_VAL = 3_591, 400  # of the 3,991 published training objects
FILE = fetch.File(
    "modelnet10.npz",
    checksum="",
    remedy="as voxels it is published nowhere as one file, so make it from the meshes "
    f"of https://modelnet.cs.princeton.edu; {fetch.EMBED}",
)


def load(source="auto", num_train=None, dtype="float32"):
    """Loads ModelNet10, or drawn solids where it cannot be had.

    Args:
        source: "local", "embedded" (solids), or "auto": the first of these that is
            there. There is no "download".
        num_train: Number of training volumes, the first of the 3,591; the classes are
            mixed.
        dtype: "float32" for voxels of 0 and 1, or "uint8" for 0 and 255.

    Returns:
        `train_set, val_set, test_set, info`: three pairs of volumes, shape
        `(N, 32, 32, 32, 1)`, and labels, int64, shape `(N,)`. The
        validation set is the same share of every class of the training objects.

    Raises:
        ValueError: If an argument is out of range.
        DataError: If the source asked for cannot be used.
    """
    if source != "embedded":
        fetch.check_count("num_train", num_train, NUM_TRAIN)
    readers = {
        "local": lambda: _read(num_train),
        "embedded": lambda: solids.load("embedded", num_train),
    }
    return fetch.load(source, readers, dtype)


def check(path, verify=False):
    """Raises `DataError` if a file holds other arrays; looks only to `verify`."""
    if verify:
        npz.read_arrays(_read_bytes(path), SHAPES, path)


def _read(num_train):
    path = fetch.find_local(FILE)
    content = _read_bytes(path)
    arrays = npz.read_arrays(content, SHAPES, path)
    train, val = _split(arrays["y_train"], num_train)
    volumes, labels = _pair(arrays["X_train"], arrays["y_train"])
    info = fetch.DataInfo(
        name="ModelNet10",
        source="local",
        classes=CLASSES,
        licence="for academic use",
        citation="Wu et al. 2015, https://arxiv.org/abs/1406.5670",
        checksum=f"sha256:{hashlib.sha256(content).hexdigest()}",
    )
    test_set = _pair(arrays["X_test"], arrays["y_test"])
    return (volumes[train], labels[train]), (volumes[val], labels[val]), test_set, info


def _split(labels, num_train):
    """Returns indices of training and validation objects, whose classes are mixed."""
    order = np.random.default_rng(0).permutation(len(labels))  # classes are in a row
    by_class = order[np.argsort(labels[order], kind="stable")]
    val = by_class[np.arange(NUM_VAL) * len(order) // NUM_VAL]
    return order[~np.isin(order, val)][:num_train], val


def _pair(voxels, labels):
    return voxels[..., None].astype(np.float32), labels.astype(np.int64)


def _read_bytes(path):
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}. {fetch.EMBED}."
        raise fetch.DataError(message, f"{path.name} cannot be read") from error
