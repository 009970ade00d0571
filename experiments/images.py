"""The images of a long experiment: CIFAR-10, or Scenes in its place."""

import functools

from cnnlab.data import cifar10, scenes
from cnnlab.train.batches import split


@functools.cache
def load(name, num_train, num_val, num_test):
    """Loads a data set once in a process.

    Args:
        name: "cifar10", from `CNNLAB_DATA`, or "scenes".
        num_train: Images to learn from.
        num_val: Images to select with.
        num_test: Images to report on.

    Returns:
        `train_set, val_set, test_set, data`: three pairs of images and labels, and
        what they are.
    """
    read = {"cifar10": cifar10.load, "scenes": scenes.load}[name]
    source = {"cifar10": "local", "scenes": "embedded"}[name]
    train_set, test_set, data = read(
        source, num_train=num_train + num_val, num_test=num_test
    )
    return *split(*train_set, num_val=num_val), test_set, data


def of_budget(name, budget):
    """Loads as many images as a budget says, and shrinks them to its `pixels`, if any.

    Otherwise as `load`.
    """
    sizes = ("num_train", "num_val", "num_test")
    *sets, data = load(name, *(budget[size] for size in sizes))
    if "pixels" in budget:
        sets = [(shrunk(images, budget["pixels"]), labels) for images, labels in sets]
    return *sets, data


def shrunk(images, pixels):
    """Averages squares of pixels, so that an image gets the size of a network."""
    factor = images.shape[1] // pixels
    shape = (len(images), pixels, factor, pixels, factor, 3)
    return images.reshape(shape).mean((2, 4)) if factor > 1 else images
