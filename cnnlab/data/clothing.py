"""Clothing: 3,781 photographs of clothes by ordinary people, in ten classes.

Taught in notebooks/05_transfer_learning_efficientnet.ipynb.
Source: https://github.com/alexeygrigorev/clothing-dataset-small, the ten most frequent
classes of https://github.com/alexeygrigorev/clothing-dataset

The photographs are not ImageNet's, so a network trained there has not seen them.
GitHub packs the archive for each download and publishes no checksum: the photographs
are counted and decoded instead. Without them, Scenes stand in.
"""

from cnnlab.data import fetch, image_folders, network, scenes

NAME = "clothing-dataset-small"
COMMIT = "11961516512414bf9f6c150a832cfd21b54a6b54"
FILE = fetch.File(
    f"https://github.com/alexeygrigorev/{NAME}/archive/{COMMIT}/{NAME}-{COMMIT}.zip",
    checksum="",
    unpacked=NAME,
    inside=f"{NAME}-{COMMIT}",
)
CLASSES = (
    "dress",
    "hat",
    "longsleeve",
    "outwear",
    "pants",
    "shirt",
    "shoes",
    "shorts",
    "skirt",
    "t-shirt",
)
PER_CLASS = {
    "train": (241, 123, 455, 184, 468, 290, 198, 202, 112, 795),
    "validation": (32, 14, 49, 24, 49, 29, 26, 25, 12, 81),
    "test": (15, 12, 72, 38, 42, 26, 73, 30, 12, 52),
}
COUNTS = {
    f"{split}/{name}": count
    for split, counts in PER_CLASS.items()
    for name, count in zip(CLASSES, counts)
}
NUM_TRAIN, NUM_VAL, NUM_TEST = (sum(counts) for counts in PER_CLASS.values())
NUM_SCENES = 500  # of each split that stand in by default


def load(
    source="auto",
    size=224,
    num_train=None,
    num_val=None,
    num_test=None,
    dtype="float32",
):
    """Loads clothing as squares, or Scenes where it cannot be had.

    At 224 pixels all of it needs 2.3 GB as float32: ask for fewer, or for uint8.

    Args:
        source: "local", "download", "embedded" (Scenes), or "auto": the first of
            these that is there.
        size: Height and width in pixels; the square in the middle of a photograph is
            shrunk.
        num_train: Number of training images, the first of the 3,068.
        num_val: Number of validation images, the first of the 341.
        num_test: Number of test images, the first of the 372.
        dtype: "float32" for images in [0, 1], or "uint8".

    Returns:
        `train_set, val_set, test_set, info`: three pairs of images, shape
        `(N, size, size, 3)`, and labels, int64, indices into `CLASSES`, shape `(N,)`.

    Raises:
        ValueError: If an argument is out of range.
        DataError: If the source asked for cannot be used.
    """
    if size < 8:
        raise ValueError(f"`size` must be at least 8 pixels. Received: {size}")
    if source != "embedded":
        fetch.check_count("num_train", num_train, NUM_TRAIN)
        fetch.check_count("num_val", num_val, NUM_VAL)
        fetch.check_count("num_test", num_test, NUM_TEST)
    counts = {"train": num_train, "validation": num_val, "test": num_test}
    readers = {
        "local": lambda: _read("local", fetch.find_local(FILE), counts, size),
        "download": lambda: _read_download(counts, size),
        "embedded": lambda: _draw_scenes(counts.values(), size),
    }
    return fetch.load(source, readers, dtype)


def check(path, verify=False):
    """Raises `DataError` unless a folder or archive holds all photographs.

    Args:
        path: Path of either.
        verify: Whether to decode each of them.
    """
    files = image_folders.read(path, FILE, COUNTS)
    if verify:
        image_folders.crop_squares(files, 8, path)


def _read(source, path, counts, size):
    files = image_folders.read(path, FILE, COUNTS)
    splits = image_folders.crop_splits(files, counts, CLASSES, size, path)
    return *splits, _describe(source, image_folders.fingerprint(files))


def _read_download(counts, size):
    path = network.download(FILE, network.find_cache("datasets"))
    try:
        return _read("download", path, counts, size)
    except fetch.DataError:
        path.unlink()  # without a checksum it would be taken for right the next time
        raise


def _draw_scenes(counts, size):
    num_train, num_val, num_test = (count or NUM_SCENES for count in counts)
    (images, labels), test, info = scenes.load(
        "embedded", num_train + num_val, num_test, size=size
    )
    train = images[:num_train], labels[:num_train]
    return train, (images[num_train:], labels[num_train:]), test, info


def _describe(source, checksum):
    return fetch.DataInfo(
        name="Clothing",
        source=source,
        classes=CLASSES,
        licence="CC0",
        citation=f"https://github.com/alexeygrigorev/{NAME}",
        checksum=checksum,
    )
