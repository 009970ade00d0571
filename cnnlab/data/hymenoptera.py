"""Ants and bees: 397 photographs, too few to learn from without help.

Taught in notebooks/05_transfer_learning_efficientnet.ipynb.
Source: the archive of PyTorch's tutorial on transfer learning,
https://docs.pytorch.org/tutorials/beginner/transfer_learning_tutorial.html

The photographs are a small part of ImageNet ("a very small subset of imagenet", says
the tutorial). So a backbone that was trained on ImageNet may have seen some of them,
though as ants and bees among a thousand classes. Without them, Scenes stand in.
"""

from cnnlab.data import fetch, image_folders, network, scenes

FILE = fetch.File(
    "https://download.pytorch.org/tutorial/hymenoptera_data.zip",
    "sha256:fbc41b31d544714d18dd1230b1e2b455e1557766e13e67f9f5a7a23af7c02209",
    unpacked="hymenoptera_data",
)
COUNTS = {"train/ants": 123, "train/bees": 121, "val/ants": 70, "val/bees": 83}
CLASSES = ("ants", "bees")
NUM_TRAIN, NUM_VAL = 244, 153
NUM_SCENES = 500  # of each split that stand in by default


def load(source="auto", size=224, num_train=None, num_val=None, dtype="float32"):
    """Loads ants and bees as squares, or Scenes where they cannot be had.

    Args:
        source: "local", "download", "embedded" (Scenes), or "auto": the first of
            these that is there.
        size: Height and width in pixels; the square in the middle of a photograph is
            shrunk.
        num_train: Number of training images, the first of the 244.
        num_val: Number of validation images, the first of the 153; there are no test
            images.
        dtype: "float32" for images in [0, 1], or "uint8".

    Returns:
        `(images_train, labels_train), (images_val, labels_val), info`: images of
        shape `(N, size, size, 3)`; labels int64, shape `(N,)`.

    Raises:
        ValueError: If an argument is out of range.
        DataError: If the source asked for cannot be used.
    """
    if size < 8:
        raise ValueError(f"`size` must be at least 8 pixels. Received: {size}")
    if source != "embedded":
        fetch.check_count("num_train", num_train, NUM_TRAIN)
        fetch.check_count("num_val", num_val, NUM_VAL)
    counts = {"train": num_train, "val": num_val}
    readers = {
        "local": lambda: _read("local", fetch.find_local(FILE), counts, size),
        "download": lambda: _read("download", _download(), counts, size),
        "embedded": lambda: scenes.load(
            "embedded", num_train or NUM_SCENES, num_val or NUM_SCENES, size=size
        ),
    }
    return fetch.load(source, readers, dtype)


def check(path, verify=False):
    """Raises `DataError` unless a folder or archive holds all photographs.

    Args:
        path: Path of either.
        verify: Whether to decode each of them.
    """
    if verify or path.name != FILE.name:
        files = image_folders.read(path, FILE, COUNTS)
        if verify:
            image_folders.crop_squares(files, 8, path)


def _download():
    return network.download(FILE, network.find_cache("datasets"))


def _read(source, path, counts, size):
    files = image_folders.read(path, FILE, COUNTS)
    splits = image_folders.crop_splits(files, counts, CLASSES, size, path)
    return *splits, _describe(source, image_folders.fingerprint(files))


def _describe(source, checksum):
    return fetch.DataInfo(
        name="Ants and bees",
        source=source,
        classes=CLASSES,
        licence="photographs of ImageNet; for research and teaching",
        citation="https://docs.pytorch.org/tutorials/beginner/"
        "transfer_learning_tutorial.html",
        checksum=checksum,
    )
