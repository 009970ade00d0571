"""Ants and bees: 397 photographs, too few to learn from without help.

Taught in notebooks/05_transfer_learning_efficientnet.ipynb.
Source: the archive of PyTorch's tutorial on transfer learning,
https://docs.pytorch.org/tutorials/beginner/transfer_learning_tutorial.html

The photographs are a small part of ImageNet ("a very small subset of imagenet", says
the tutorial). So a backbone that was trained on ImageNet may have seen some of them,
though as ants and bees among a thousand classes. Without them, Scenes stand in.
"""

import numpy as np

from cnnlab.data import fetch, image_folders, scenes

CLASSES = ("ants", "bees")
NUM_TRAIN, NUM_VAL = 244, 153
NUM_SCENES = {"train": 500, "val": 500}  # that stand in by default


def load(source="auto", pixels=224, num_train=None, num_val=None):
    """Loads ants and bees as squares, or Scenes where they cannot be had.

    Args:
        source: "local", "download", "embedded" (Scenes), or "auto": the first of
            these that is there.
        pixels: Height and width; the square in the middle of a photograph is shrunk.
        num_train: Takes the first so many of the 244 training images.
        num_val: Takes the first so many of the 153 validation images; there are no
            test images.

    Returns:
        `(images_train, labels_train), (images_val, labels_val), info`: images
        float32 in [0, 1], shape `(N, pixels, pixels, 3)`; labels int64, shape `(N,)`.

    Raises:
        ValueError: If an argument is out of range.
        DataError: If the source asked for cannot be used.
    """
    if pixels < 8:
        raise ValueError(f"`pixels` must be at least 8. Received: pixels={pixels}")
    sizes = {"train": num_train, "val": num_val}
    readers = {
        "local": lambda: _read("local", sizes, pixels),
        "download": lambda: _read("download", sizes, pixels),
        "embedded": lambda: _draw_scenes(sizes, pixels),
    }
    if source != "embedded":
        fetch.check_count("num_train", num_train, NUM_TRAIN)
        fetch.check_count("num_val", num_val, NUM_VAL)
    return fetch.load(source, readers)


def _read(source, sizes, pixels):
    archive = image_folders.ARCHIVES["hymenoptera"]
    if source == "local":
        path = fetch.find_local(archive)
    else:
        path = fetch.fetch(archive, fetch.cache("datasets"))
    files = image_folders.read(path, archive)
    splits = []
    for split, size in sizes.items():
        names = [name for name in files if name.startswith(f"{split}/")][:size]
        images = image_folders.squares(
            {name: files[name] for name in names}, pixels, path
        )
        labels = [CLASSES.index(name.split("/")[1]) for name in names]
        splits.append((images, np.array(labels, np.int64)))
    return *splits, _describe(source, image_folders.fingerprint(files))


def _draw_scenes(sizes, pixels):
    num_train, num_val = (sizes[split] or NUM_SCENES[split] for split in sizes)
    return scenes.load("embedded", num_train, num_val, size=pixels)


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
