"""CIFAR-10: 60,000 photographs of 32x32 pixels, ten kinds of things.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Source: Krizhevsky 2009, Learning multiple layers of features from tiny images,
chapter 3, https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf

The measure of small networks for 15 years, and not quite clean: 3.3 % of the test
images have a near-duplicate among the training images (Barz and Denzler 2020,
https://arxiv.org/abs/1902.00423). Without it, Scenes stand in.
"""

import io
import pickle

import numpy as np

from cnnlab.data import fetch, scenes

ARCHIVE = fetch.ARCHIVES["cifar10"]
NUM_PER_BATCH = 10_000
NUM_BATCHES = 5  # of training images; the test images are one more
CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
PICKLED = {  # all that a batch needs to be rebuilt
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
}


def load(source="auto", num_train=None, num_test=None):
    """Loads CIFAR-10, or Scenes where it cannot be had.

    Local files and download give the same images in the same, official order.

    Args:
        source: "local", "download", "embedded" (Scenes), or "auto": the first of
            these that is there.
        num_train: Takes the first so many of the 50,000 training images.
        num_test: Takes the first so many of the 10,000 test images.

    Returns:
        `(images_train, labels_train), (images_test, labels_test), info`: images
        float32 in [0, 1], shape `(N, 32, 32, 3)`; labels int64, shape `(N,)`.

    Raises:
        ValueError: If an argument is out of range.
        DataError: If the source asked for cannot be used.
    """
    sizes = (
        fetch.check_count("num_train", num_train, NUM_BATCHES * NUM_PER_BATCH),
        fetch.check_count("num_test", num_test, NUM_PER_BATCH),
    )
    readers = {
        "local": lambda: _read_local(*sizes),
        "download": lambda: _read_download(*sizes),
        "embedded": lambda: _draw_scenes(num_train, num_test),
    }
    return fetch.load(source, readers)


def _describe(source, checksum):
    return fetch.DataInfo(
        name="CIFAR-10",
        source=source,
        classes=CLASSES,
        licence="none stated; for research and teaching, with citation",
        citation="Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html",
        checksum=checksum,
    )


def _draw_scenes(num_train, num_test):
    return scenes.load(source="embedded", num_train=num_train, num_test=num_test)


def _read_local(num_train, num_test):
    train, test = _empty(num_train), _empty(num_test)
    splits = {
        f"data_batch_{start // NUM_PER_BATCH + 1}": (train, start)
        for start in range(0, num_train, NUM_PER_BATCH)
    }
    splits["test_batch"] = (test, 0)
    for name, content in fetch.read_local(ARCHIVE, splits):
        _fill(*splits[name], *read_batch(content, name))
    return train, test, _describe("local", ARCHIVE.checksum)


def _empty(num_images):
    images = np.empty((num_images, 32, 32, 3), np.float32)
    return images, np.empty(num_images, np.int64)


def _fill(split, start, pixels, labels):
    images = split[0][start : start + NUM_PER_BATCH]
    pixels = pixels[: len(images)].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    np.divide(pixels, np.float32(255), out=images)
    split[1][start : start + NUM_PER_BATCH] = labels[: len(images)]


def read_batch(content, name):
    """Decodes an official batch; a pickle that asks for more than arrays is refused.

    Args:
        content: The file, bytes, already verified.
        name: Its name, for the error.

    Returns:
        Pixels, uint8, shape `(10000, 3072)`, and labels, shape `(10000,)`.

    Raises:
        DataError: If it is not such a batch.
    """
    try:
        batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        pixels, labels = batch[b"data"], np.array(batch[b"labels"], np.uint8)
        if pixels.dtype != np.uint8 or pixels.shape != (NUM_PER_BATCH, 3072):
            raise ValueError(f"pixels {pixels.dtype} {pixels.shape}")
        if labels.shape != (NUM_PER_BATCH,) or labels.max() >= len(CLASSES):
            raise ValueError(f"labels {labels.shape}, up to {labels.max()}")
    except Exception as error:  # a broken pickle may raise anything
        raise fetch.DataError(
            f"{name} must be a CIFAR-10 batch: a pickle of {NUM_PER_BATCH} x 3072 "
            f"uint8 pixels and of labels, nothing else. Received: {error}",
            f"{name} is not a CIFAR-10 batch",
        ) from error
    return pixels, labels


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in PICKLED:
            raise pickle.UnpicklingError(f"{module}.{name}, which was not called")
        return PICKLED[module, name]


def _read_download(num_train, num_test):
    brought = fetch.prepared("cifar10", ARCHIVE.url, "CIFAR-10", fetch.SET_DATA)
    with brought as (tfds, builder):
        train = _read_split(tfds, builder, "train", num_train)
        test = _read_split(tfds, builder, "test", num_test)
        [archive] = builder.url_infos.values()
    return train, test, _describe("download", f"sha256:{archive.checksum}")


def _read_split(tfds, builder, split, num_images):
    images, labels = _empty(num_images)
    labels[:] = -1
    rows = builder.as_dataset(split=split, batch_size=1000)
    for batch in tfds.as_numpy(rows):  # shuffled; ids, "train_00042", tell the order
        indices = np.array([int(name.split(b"_")[-1]) for name in batch["id"]])
        wanted = indices < num_images
        images[indices[wanted]] = batch["image"][wanted] / np.float32(255)
        labels[indices[wanted]] = batch["label"][wanted]
    if labels.min() < 0:
        raise ValueError(f"its cache lacks images of the {split} split")
    return images, labels
