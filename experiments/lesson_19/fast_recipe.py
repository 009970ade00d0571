"""The fast recipe for CIFAR-10, whole or with one ingredient left out."""

import functools
import time

import keras
import numpy as np

from cnnlab import augment
from cnnlab.data import cifar10
from cnnlab.evaluate import classification
from cnnlab.layers.whitening import whitening_filters
from cnnlab.models.fast_cnn import fast_cnn
from cnnlab.train.batches import split
from cnnlab.train.fast import train_fast

PIXELS = 2  # largest shift of an image
NUM_WHITENING = 5_000  # images whose patches the first layer whitens
NUM_EVALUATED = 2_000  # images that are floats at a time


@functools.cache
def load(num_val=0, num_train=None):
    """Loads CIFAR-10 once in a process, as bytes.

    Args:
        num_val: Training images to set aside. Then they are the images to report on,
            and the test set is not looked at.
        num_train: Training images to load, by default all.

    Returns:
        `train_set, other_set, data`: images as bytes, a quarter of the memory.
    """
    train_set, test_set, data = cifar10.load("local", num_train, dtype="uint8")
    if num_val:
        train_set, test_set = split(*train_set, num_val=num_val)
    return train_set, test_set, data


def augment_batch(
    images,
    indices,
    epoch,
    random,
    *,
    num_images,
    alternating=True,
    pixels=PIXELS,
    erased=0,
):
    """Flips and shifts a batch, and blots out a square of each image.

    Args:
        images: As `cnnlab.train.Epochs` gives them; so are the next three.
        indices: Places in the training set.
        epoch: Number of the epoch.
        random: `numpy.random.Generator`.
        num_images: Images in the training set.
        alternating: Whether an epoch mirrors what the one before did not; else half of
            each batch is drawn anew.
        pixels: Largest shift.
        erased: Height and width of the square; 0 leaves images whole.

    Returns:
        An array like `images`.
    """
    if alternating:
        flipped = _alternating_flip(num_images, epoch)[indices]
    else:
        flipped = random.random(len(images)) < 0.5
    images = augment.shift(augment.flip(images, flipped), pixels, random)
    return augment.erase(images, erased, random) if erased else images


_alternating_flip = functools.lru_cache(maxsize=1)(augment.alternating_flip)


class Watch:
    """Calls a function, and knows when each call began and how long it took.

    Attributes:
        began: When each call began, in seconds.
        took: Seconds until it returned, waiting included.
        worked: Seconds that its thread was computing.
    """

    def __init__(self, function):
        self.function, self.began, self.took, self.worked = function, [], [], []

    def __call__(self, *arguments, **options):
        self.began.append(time.perf_counter())
        working = time.thread_time()
        result = self.function(*arguments, **options)
        self.worked.append(time.thread_time() - working)
        self.took.append(time.perf_counter() - self.began[-1])
        return result


def build(train_images, **options):
    """Builds the network, its first layer computed from training images."""
    if "filters_of_patches" not in options:
        few = train_images[:NUM_WHITENING] / np.float32(255)
        options["filters_of_patches"] = whitening_filters(few)
    return fast_cnn(**{"input_shape": (None, None, 3), **options})


def run(
    train_set,
    seed,
    *,
    epochs,
    batch_size,
    network=(),
    view=(),
    training=(),
    augment_batch=augment_batch,
):
    """Trains once.

    Args:
        train_set: Images as bytes, and labels.
        seed: Of the weights, the order of images and their augmentation.
        epochs: Passes over the training set.
        batch_size: Images in one step.
        network: Options of `fast_cnn`, a dict.
        view: Options of `augment_batch`, a dict.
        training: Options of `train_fast`, a dict.
        augment_batch: What prepares a batch.

    Returns:
        `model, seconds`: the trained model, and what building and fitting it took.
    """
    keras.utils.set_random_seed(seed)
    started = time.perf_counter()
    model = build(train_set[0], **dict(network))
    train_fast(
        model,
        train_set,
        epochs=epochs,
        batch_size=batch_size,
        augment=functools.partial(
            augment_batch, num_images=len(train_set[0]), **dict(view)
        ),
        seed=seed,
        name=f"seed {seed}",
        **dict(training),
    )
    return model, time.perf_counter() - started


def accuracies(model, images, labels, part="test"):
    """Returns the accuracy without and with flip averaging, as a dict.

    Args:
        model: What has a `predict` as Keras models have it.
        images: Bytes, shape `(N, H, W, C)`.
        labels: Class numbers, shape `(N,)`.
        part: Which part of the data they are, "test" or "val".
    """
    straight, mirrored = [], []
    for start in range(0, len(images), NUM_EVALUATED):
        few = images[start : start + NUM_EVALUATED] / np.float32(255)
        straight.append(model.predict(few, batch_size=500, verbose=0))
        mirrored.append(model.predict(few[:, :, ::-1], batch_size=500, verbose=0))
    straight, mirrored = np.concatenate(straight), np.concatenate(mirrored)
    return {
        f"{part}_accuracy": classification.accuracy(straight, labels),
        f"{part}_flip_averaged_accuracy": classification.accuracy(
            straight + mirrored, labels
        ),
    }
