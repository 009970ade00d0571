"""Flowers: 3,670 photographs of dandelions, daisies, tulips, sunflowers and roses.

For lesson 05, notebooks/05_transfer_learning_efficientnet.ipynb, with more classes.
Source: The TensorFlow Team 2019, https://www.tensorflow.org/datasets/catalog/tf_flowers

It has no split of its own: here every fifth photograph, in the order of TensorFlow
Datasets' files, is for validation. Without a network, Scenes stand in.
"""

import numpy as np

from cnnlab.data import fetch, image_folders, scenes, tfds

URL = "https://download.tensorflow.org/example_images/flower_photos.tgz"
CLASSES = ("dandelion", "daisy", "tulips", "sunflowers", "roses")
NUM_PHOTOGRAPHS, EVERY = 3_670, 5


def load(source="auto", size=224, num_train=None, num_val=None, dtype="float32"):
    """Loads flowers as squares, or Scenes where they cannot be had.

    At 224 pixels all of them need 2.2 GB as float32: ask for fewer, or for uint8.

    Args:
        source: "download", "embedded" (Scenes), or "auto": the first that is there.
        size: Height and width in pixels; the square in the middle of a photograph is
            shrunk.
        num_train: Number of training images, the first of the 2,936.
        num_val: Number of validation images, the first of the 734.
        dtype: "float32" for images in [0, 1], or "uint8".

    Returns:
        `(images_train, labels_train), (images_val, labels_val), info`: images of
        shape `(N, size, size, 3)`; labels int64, shape `(N,)`.

    Raises:
        ValueError: If an argument is out of range.
        DataError: If the source asked for cannot be used.
    """
    most_val = NUM_PHOTOGRAPHS // EVERY
    num_train = fetch.check_count("num_train", num_train, NUM_PHOTOGRAPHS - most_val)
    num_val = fetch.check_count("num_val", num_val, most_val)
    readers = {
        "download": lambda: _read_download(size, num_train, num_val),
        "embedded": lambda: scenes.load("embedded", num_train, num_val, size=size),
    }
    return fetch.load(source, readers, dtype)


def _read_download(size, num_train, num_val):
    with tfds.prepare("tf_flowers", URL, "flowers", fetch.EMBED) as (library, builder):
        skip = {"image": library.decode.SkipDecoding()}  # a damaged one is to be named
        rows = library.as_numpy(builder.as_dataset(split="train", decoders=skip))
        train, val = _split(rows, size, num_train, num_val)
        [archive] = builder.url_infos.values()
    return train, val, _describe(f"sha256:{archive.checksum}")


def _split(rows, size, num_train, num_val):
    train, val = [], []
    for number, row in enumerate(rows):
        split, most = (train, num_train) if number % EVERY else (val, num_val)
        if len(split) < most:
            path = f"tf_flowers, number {number}"
            image = image_folders.crop_square(row["image"], size, path)
            split.append((image, row["label"]))
        if len(train) == num_train and len(val) == num_val:
            break
    if len(train) < num_train or len(val) < num_val:
        raise ValueError("its cache lacks photographs")
    return _arrays(train), _arrays(val)


def _arrays(split):
    images, labels = zip(*split, strict=True)
    return np.stack(images), np.array(labels, np.int64)


def _describe(checksum):
    return fetch.DataInfo(
        name="Flowers",
        source="download",
        classes=CLASSES,
        licence="CC BY 2.0",
        citation="The TensorFlow Team 2019, "
        "https://www.tensorflow.org/datasets/catalog/tf_flowers",
        checksum=checksum,
    )
