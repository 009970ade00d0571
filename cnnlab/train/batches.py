"""Splits and batches: which images are trained on, in which order and form.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
"""

import cv2
import keras
import numpy as np

from cnnlab.labels import class_numbers

BYTES_AT_ONCE = 2**17  # larger arrays may come from the system anew, page by page


def split(images, labels, num_val, seed=0):
    """Sets validation images aside, the same share of every class.

    Args:
        images: Array of shape `(N, ...)`.
        labels: In any form that `cnnlab.labels.class_numbers` takes; both parts have
            it too.
        num_val: Number of images to set aside, at least 1 and less than `N`. Shares
            are rounded, class by class, so that the sum is exact.
        seed: Seed of the choice.

    Returns:
        `(images_train, labels_train), (images_val, labels_val)`.

    Raises:
        ValueError: If images and labels differ in number, or `num_val` leaves one
            of the two parts empty.
    """
    numbers = class_numbers(labels, num_items=len(images))
    labels = np.asarray(labels)
    if not 0 < num_val < len(images):
        raise ValueError(
            "`num_val` must lie between 1 and the number of images less one. "
            f"Received: num_val={num_val}, {len(images)} images"
        )
    order = np.random.default_rng(seed).permutation(len(images))
    by_class = order[np.argsort(numbers[order], kind="stable")]
    is_val = np.zeros(len(images), bool)
    is_val[by_class[np.arange(num_val) * len(images) // num_val]] = True
    return (images[~is_val], labels[~is_val]), (images[is_val], labels[is_val])


class Epochs(keras.utils.PyDataset):
    """Whole batches of images in a new order every epoch, augmented as they are taken.

    `fit` reads a batch or two and starts anew, which ends epoch 0: it trains on the
    epochs from 1. Unless it is told `shuffle=False`, it also shuffles the batches of an
    epoch, by Python's own generator, which `keras.utils.set_random_seed` sets.

    Args:
        images: Shape `(N, H, W, C)`, floats in [0, 1] or bytes, which take a quarter of
            the memory and become floats batch by batch.
        labels: In any form that `cnnlab.labels.class_numbers` takes, the highest class
            among them; batches hold them one-hot.
        batch_size: Images in a batch, at most `N`; what is left over waits for the
            next epoch.
        augment: Function of `(images, indices, epoch, random)` that returns as many
            images, called for some images of a batch at a time; `indices` are their
            positions in the training set, `random` is a `numpy.random.Generator` of
            this batch's own.
        seed: Seed of the orders and generators.
        size: Height and width that images are resized to, after `augment`; each pixel
            is the mean of what it covers. `None` leaves them as they are.

    Raises:
        ValueError: If images and labels differ in number, or there are fewer images
            than a batch holds.
    """

    def __init__(self, images, labels, batch_size, *, augment=None, seed=0, size=None):
        super().__init__()
        labels = class_numbers(labels, num_items=len(images))
        if not 1 <= batch_size <= len(images):
            raise ValueError(
                "`batch_size` must lie between 1 and the number of images. "
                f"Received: batch_size={batch_size}, {len(images)} images"
            )
        self.images, self.batch_size = images, batch_size
        self.one_hot = np.eye(labels.max() + 1, dtype="float32")[labels]
        self.augment, self.seed, self.size, self.epoch = augment, seed, size, -1
        self.num_at_once = max(1, BYTES_AT_ONCE // images[0].nbytes)
        self.on_epoch_end()

    def __len__(self):
        return len(self.images) // self.batch_size

    def __getitem__(self, index):
        chosen = self.order[index * self.batch_size :][: self.batch_size]
        random = np.random.default_rng((self.seed, self.epoch, index))
        for start in range(0, len(chosen), self.num_at_once):
            few = self._prepared(chosen[start : start + self.num_at_once], random)
            highest, kind = (255, "float32") if few.dtype == "uint8" else (1, few.dtype)
            if start == 0:
                batch = np.empty((len(chosen), *few.shape[1:]), kind)
            np.divide(few, highest, batch[start : start + len(few)], dtype=kind)
        return batch, self.one_hot[chosen]

    def _prepared(self, chosen, random):
        images = self.images[chosen]
        if self.augment:
            images = self.augment(images, chosen, self.epoch, random)
        if self.size and images.shape[1:3] != (self.size, self.size):
            images = _resized(images, self.size)
        return images

    def on_epoch_end(self):
        self.epoch += 1
        random = np.random.default_rng((self.seed, self.epoch))
        self.order = random.permutation(len(self.images))


def _resized(images, size):
    num_images, height, width, channels = images.shape
    column = images.reshape(num_images * height, width, channels)  # one call for all
    width_and_height = (size, num_images * size)
    resized = cv2.resize(column, width_and_height, interpolation=cv2.INTER_AREA)
    return resized.reshape(num_images, size, size, channels)  # OpenCV drops a channel
