"""Digits: 1,797 handwritten digits of 8x8 pixels, shipped with scikit-learn.

For lessons in which every number of an image should fit on the page.
Source: Alpaydin and Kaynak 1998, Optical recognition of handwritten digits,
https://doi.org/10.24432/C50P49

The images come writer by writer, so the test split is the last fifth of each
class: mostly other hands than those of the training split. A nearest neighbour errs
on 4 % of it, but on 1 % of a shuffled split, where it has met every hand: random
splits flatter (scikit-learn MOOC, "Sample grouping",
https://inria.github.io/scikit-learn-mooc/python_scripts/cross_validation_grouping.html).
"""

import gzip
import io

import numpy as np

from cnnlab.data import fetch

CHECKSUM = "sha256:09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"
CLASSES = tuple("0123456789")
NUM_TEST_PER_CLASS = 36  # of at least 174
NUM_TEST = NUM_TEST_PER_CLASS * len(CLASSES)
NUM_TRAIN = 1797 - NUM_TEST


def load(source="auto", num_train=None, num_test=None, dtype="float32"):
    """Loads the digits, each class a fifth in the test split.

    Args:
        source: "auto" or "embedded": they come from nowhere else.
        num_train: Number of training images, the first of the 1,437.
        num_test: Number of test images, the first of the 360.
        dtype: "float32" for images in [0, 1], in steps of 1/16, or "uint8".

    Returns:
        `(images_train, labels_train), (images_test, labels_test), info`: images of
        shape `(N, 8, 8, 1)`; labels int64, shape `(N,)`.

    Raises:
        ValueError: If an argument is out of range.
        DataError: If scikit-learn lacks the file, or has another.
    """
    num_train = fetch.check_count("num_train", num_train, NUM_TRAIN)
    num_test = fetch.check_count("num_test", num_test, NUM_TEST)

    def embedded():
        images, labels = _read()
        held_out = _last_of_each_class(labels)
        train, test = np.flatnonzero(~held_out), np.flatnonzero(held_out)
        train, test = train[:num_train], test[:num_test]
        return (
            (images[train], labels[train]),
            (images[test], labels[test]),
            _describe(),
        )

    return fetch.load(source, {"embedded": embedded}, dtype)


def _read():
    packed = fetch.read_packaged("sklearn", "datasets/data/digits.csv.gz", CHECKSUM)
    table = np.loadtxt(io.BytesIO(gzip.decompress(packed)), delimiter=",")
    images = table[:, :64].reshape(-1, 8, 8, 1) / 16  # 16 on-pixels at most
    return images.astype(np.float32), table[:, 64].astype(np.int64)


def _last_of_each_class(labels):
    held_out = np.zeros(len(labels), bool)
    for digit in range(len(CLASSES)):
        held_out[np.flatnonzero(labels == digit)[-NUM_TEST_PER_CLASS:]] = True
    return held_out


def _describe():
    return fetch.DataInfo(
        name="Digits",
        source="embedded",
        classes=CLASSES,
        licence="CC BY 4.0",
        citation="Alpaydin and Kaynak 1998, https://doi.org/10.24432/C50P49",
        checksum=CHECKSUM,
    )
