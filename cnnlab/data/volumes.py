"""Volumes: grids whose third axis is depth. Organs, furniture, or drawn solids.

AdrenalMNIST3D: 1,584 adrenal glands cut out of CT scans, 28x28x28, healthy or with
hyperplasia. ModelNet10: 4,899 pieces of furniture as 32x32x32 voxels. Without them,
`solids` stand in: bodies drawn on demand.

Taught in notebooks/13_3d_cnns.ipynb.
Source: Yang et al. 2023, MedMNIST v2, https://doi.org/10.1038/s41597-022-01721-8; Wu et
    al. 2015, 3D ShapeNets, https://arxiv.org/abs/1406.5670
"""

import hashlib
import io

import numpy as np

from cnnlab.data import downloads, solids, sources

ADRENAL_CLASSES = ("normal", "hyperplasia")
FURNITURE_CLASSES = (
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
ADRENAL_SHAPES = {  # of the published arrays
    f"{split}_{kind}": (count, *shape)
    for split, count in (("train", 1_188), ("val", 98), ("test", 298))
    for kind, shape in (("images", (28, 28, 28)), ("labels", (1,)))
}
FURNITURE_SHAPES = {
    f"{kind}_{split}": (count, *shape)
    for split, count in (("train", 3_991), ("test", 908))
    for kind, shape in (("X", (32, 32, 32)), ("y", ()))
}
NUM_TRAIN = {"adrenalmnist3d": 1_188, "modelnet10": 3_591}
NUM_VAL_FURNITURE = 400  # of the 3,991 published training objects
NO_FURNITURE = (
    "ModelNet10 as voxels is published nowhere as one file: put modelnet10.npz, made "
    "from the meshes of https://modelnet.cs.princeton.edu, into the folder "
    f"CNNLAB_DATA; {sources.EMBED}."
)


FILES = {  # that are published and verified
    "adrenalmnist3d": sources.File(
        "https://zenodo.org/records/10519652/files/adrenalmnist3d.npz?download=1",
        "md5:bbd3c5a5576322bc4cdfea780653b1ce",
        276_833,
    ),
}
FURNITURE_FILE = sources.File("modelnet10.npz", "", 2_724_263)


def load(source="auto", name="adrenalmnist3d", num_train=None):
    """Loads volumes, or drawn solids where they cannot be had.

    Args:
        source: "local", "download" (AdrenalMNIST3D only), "embedded" (solids), or
            "auto": the first of these that is there.
        name: "adrenalmnist3d" or "modelnet10"; solids stand in for either.
        num_train: Takes the first so many training volumes; the classes are mixed.

    Returns:
        `train_set, val_set, test_set, record`: three pairs of volumes, float32 in
        [0, 1], shape `(N, D, H, W, 1)`, and labels, int64, shape `(N,)`.
        AdrenalMNIST3D is published with its validation split; a tenth of the training
        objects is that of ModelNet10.

    Raises:
        ValueError: If an argument is out of range.
        DataError: If the source asked for cannot be used.
    """
    if name not in NUM_TRAIN:
        raise ValueError(f"`name` must be one of {list(NUM_TRAIN)}. Received: {name!r}")
    if source != "embedded":
        sources.count("num_train", num_train, NUM_TRAIN[name])
    read = {"adrenalmnist3d": _read_adrenal, "modelnet10": _read_furniture}[name]
    readers = {
        "local": lambda: read("local", num_train),
        "download": lambda: read("download", num_train),
        "embedded": lambda: solids.load("embedded", num_train),
    }
    return sources.load(source, readers)


def _read_adrenal(source, num_train):
    file = FILES["adrenalmnist3d"]
    if source == "local":
        path = sources.find_local(file)
    else:
        path = downloads.fetch(file, downloads.cache("datasets"))
    arrays = unpack(sources.read(path, file.checksum), ADRENAL_SHAPES, path)
    train, val, test = (
        _pair(arrays[f"{split}_images"], arrays[f"{split}_labels"][:, 0], 255)
        for split in ("train", "val", "test")
    )
    record = sources.Record(
        name="AdrenalMNIST3D",
        source=source,
        classes=ADRENAL_CLASSES,
        licence="CC BY 4.0",
        citation="Yang et al. 2023, https://doi.org/10.1038/s41597-022-01721-8",
        checksum=file.checksum,
    )
    return _first(train, num_train), val, test, record


def _read_furniture(source, num_train):
    content, path = _find_furniture(source)
    arrays = unpack(content, FURNITURE_SHAPES, path)
    volumes, labels = _pair(arrays["X_train"], arrays["y_train"], 1)
    order = np.random.default_rng(0).permutation(len(labels))  # classes are in a row
    by_class = order[np.argsort(labels[order], kind="stable")]
    places = np.arange(NUM_VAL_FURNITURE) * len(order) // NUM_VAL_FURNITURE
    val = by_class[places]  # the same share of every class
    train = order[~np.isin(order, val)][:num_train]
    record = sources.Record(
        name="ModelNet10",
        source=source,
        classes=FURNITURE_CLASSES,
        licence="for academic use",
        citation="Wu et al. 2015, https://arxiv.org/abs/1406.5670",
        checksum=f"sha256:{hashlib.sha256(content).hexdigest()}",
    )
    test = _pair(arrays["X_test"], arrays["y_test"], 1)
    return (volumes[train], labels[train]), (volumes[val], labels[val]), test, record


def _find_furniture(source):
    if source == "download":
        raise sources.AbsentError(NO_FURNITURE, "ModelNet10 has no download")
    try:
        path = sources.find_local(FURNITURE_FILE)
    except sources.AbsentError as error:
        raise sources.AbsentError(NO_FURNITURE, error.reason) from error
    try:
        return path.read_bytes(), path
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}. {NO_FURNITURE}"
        raise sources.DataError(message, f"{path.name} cannot be read") from error


def _pair(voxels, labels, highest):
    volumes = np.divide(voxels[..., None], highest, dtype=np.float32)
    return volumes, labels.astype(np.int64)


def _first(pair, count):
    return tuple(each[:count] for each in pair)


def unpack(content, shapes, path):
    """Takes arrays out of an archive of NumPy, and makes sure that they are those.

    Args:
        content: The file, bytes; a pickle inside it is refused.
        shapes: A dict from the name of each array to its shape.
        path: What an error calls the file.

    Returns:
        A dict from names to arrays.

    Raises:
        DataError: If an array is missing or has another shape.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in shapes}
        received = {name: array.shape for name, array in arrays.items()}
        if received != shapes:
            raise ValueError(f"arrays of {received}")
    except Exception as error:  # a damaged file may raise anything
        raise sources.DataError(
            f"{path} must hold arrays of {shapes}. Received: {error}. {sources.EMBED}.",
            f"{path.name} is damaged or another file",
        ) from error
    return arrays


def available(verify=False):
    """Lists where volumes can be had; see `sources.available`."""
    file = FILES["adrenalmnist3d"]
    return [
        sources.row("adrenalmnist3d", "local", _check, file, verify),
        sources.row("adrenalmnist3d", "download", _require_download, file),
        sources.row("adrenalmnist3d", "embedded", sources.package_folder, "numpy"),
        sources.row("modelnet10", "local", _check_furniture, verify),
        sources.row("modelnet10", "embedded", sources.package_folder, "numpy"),
        sources.row("solids", "embedded", sources.package_folder, "numpy"),
    ]


def _check(file, verify):
    path = sources.find_local(file)
    if verify:
        sources.read(path, file.checksum)


def _check_furniture(verify):
    content, path = _find_furniture("local")
    if verify:
        unpack(content, FURNITURE_SHAPES, path)


def _require_download(file):
    sources.require_permission()
    if not (downloads.cache("datasets") / file.name).exists():
        sources.require_network(file.url)
