"""Scenes: small drawn pictures of ten classes, which stand in for photographs.

`cnnlab.scenes.images` draws them. Taught in notebooks/02_cifar10_modern_cnn.ipynb.
"""

from cnnlab.data import fetch
from cnnlab.scenes import images

CLASSES = images.CLASSES
NUM_TRAIN, NUM_TEST = 10_000, 2_000  # images that `load` draws by default


def load(
    source="auto", num_train=None, num_test=None, seed=0, size=32, dtype="float32"
):
    """Draws a training and a test set, from two streams of one seed.

    Args:
        source: "auto" or "embedded": Scenes have no other source.
        num_train: Number of training images; by default `NUM_TRAIN`.
        num_test: Number of test images; by default `NUM_TEST`.
        seed: A non-negative integer.
        size: Height and width in pixels, at least 8.
        dtype: "float32" for values in [0, 1], or "uint8".

    Returns:
        `(images_train, labels_train), (images_test, labels_test), info`: images of
        shape `(N, size, size, 3)`; labels int64, indices into `CLASSES`, shape `(N,)`.

    Raises:
        ValueError: If the source is another one, or a number is below 1.
    """
    num_train = NUM_TRAIN if num_train is None else num_train
    num_test = NUM_TEST if num_test is None else num_test
    images.at_least("num_train", num_train, 1)
    images.at_least("num_test", num_test, 1)

    def draw():
        train = images.render(num_train, (seed, 1), size)
        test = images.render(num_test, (seed, 2), size)
        return train[:2], test[:2], _describe(train, test)

    return fetch.load(source, {"embedded": draw}, dtype)


def _describe(*parts):
    return fetch.DataInfo(
        name="Scenes",
        source="embedded",
        classes=CLASSES,
        licence="MIT",
        citation="Drawn by cnnlab/scenes/images.py",
        checksum=f"sha256:{images.fingerprint(*parts)}",
    )
