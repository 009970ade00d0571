"""Training: model and data in, history out.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Source: AdamW, Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101
"""

import time

import keras
import numpy as np


def split(images, labels, num_val, seed=0):
    """Sets validation images aside, the same share of every class.

    Args:
        images: Array of shape `(N, ...)`.
        labels: Class numbers, shape `(N,)`.
        num_val: Number of images to set aside, at least 1 and less than `N`. Shares
            are rounded, class by class, so that the sum is exact.
        seed: Seed of the choice.

    Returns:
        `(images_train, labels_train), (images_val, labels_val)`.

    Raises:
        ValueError: If images and labels differ in number, or `num_val` leaves one
            of the two parts empty.
    """
    if len(images) != len(labels):
        raise ValueError(
            "There must be one label for each image. "
            f"Received: {len(images)} images, {len(labels)} labels"
        )
    if not 0 < num_val < len(images):
        raise ValueError(
            "`num_val` must lie between 1 and the number of images less one. "
            f"Received: num_val={num_val}, {len(images)} images"
        )
    order = np.random.default_rng(seed).permutation(len(images))
    by_class = order[np.argsort(labels[order], kind="stable")]
    is_val = np.zeros(len(images), bool)
    is_val[by_class[np.arange(num_val) * len(images) // num_val]] = True
    return (images[~is_val], labels[~is_val]), (images[is_val], labels[is_val])


def plateau_and_stop(plateau_patience=5, stop_patience=15):
    """Returns the two callbacks of the recipe, both looking at validation only.

    The rate is halved, down to 1e-7, when the validation loss has not fallen for
    `plateau_patience` epochs. Training ends when validation accuracy has not risen
    for `stop_patience` epochs; the best epoch's weights are restored either way.

    Args:
        plateau_patience: Epochs without a lower loss before the rate is halved.
        stop_patience: Epochs without a higher accuracy before training ends.

    Returns:
        A list of `keras.callbacks.ReduceLROnPlateau` and `EarlyStopping`.
    """
    return [
        keras.callbacks.ReduceLROnPlateau(
            monitor="val_loss", factor=0.5, patience=plateau_patience, min_lr=1e-7
        ),
        keras.callbacks.EarlyStopping(
            monitor="val_accuracy", patience=stop_patience, restore_best_weights=True
        ),
    ]


def train(
    model,
    train_set,
    val_set,
    *,
    epochs,
    batch_size=128,
    optimizer="adamw",
    callbacks=(),
    name="",
):
    """Compiles and fits a classifier that returns logits, with a line of progress.

    Args:
        model: `keras.Model` from images to logits.
        train_set: `(images, labels)`, labels as class numbers.
        val_set: `(images, labels)` of the validation split.
        epochs: Passes over the training set.
        batch_size: Images in one step.
        optimizer: Name or instance of a `keras.optimizers.Optimizer`.
        callbacks: Further `keras.callbacks.Callback` instances.
        name: What the line of progress calls the run.

    Returns:
        A dict of lists with one number an epoch: `loss`, `accuracy`, `val_loss`,
        `val_accuracy`, the epoch's `learning_rate` and its `seconds`, validation
        included.
    """
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history = model.fit(
        *train_set,
        validation_data=val_set,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=[Progress(name), *callbacks],
        verbose=0,
    )
    return {key: [float(v) for v in values] for key, values in history.history.items()}


def train_seeds(
    build,
    train_set,
    val_set,
    *,
    seeds,
    epochs,
    batch_size=128,
    optimizer=lambda: "adamw",
    callbacks=tuple,
    name="",
):
    """Trains one network several times, only the seed differing.

    Args:
        build: Function without arguments that returns a new `keras.Model`.
        train_set: As for `train`.
        val_set: As for `train`.
        seeds: Integers; each sets the weights, the order of images and dropout.
        epochs: As for `train`.
        batch_size: As for `train`.
        optimizer: Function without arguments that returns a new optimiser, or its
            name: an optimiser belongs to one model.
        callbacks: Function without arguments that returns new callbacks.
        name: What the line of progress calls the network.

    Returns:
        A list of `(model, history)`, one a seed.
    """
    runs = []
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        model = build()
        history = train(
            model,
            train_set,
            val_set,
            epochs=epochs,
            batch_size=batch_size,
            optimizer=optimizer(),
            callbacks=callbacks(),
            name=f"{name}, seed {seed}",
        )
        runs.append((model, history))
    return runs


class Progress(keras.callbacks.Callback):
    """Rewrites one line with the epoch, the accuracies and the time that is left."""

    def __init__(self, name=""):
        super().__init__()
        self.name = name

    def on_train_begin(self, logs=None):
        self.started = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch_started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        now = time.perf_counter()
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        logs.update(seconds=now - self.epoch_started, learning_rate=rate)
        done, epochs = epoch + 1, self.params["epochs"]
        left = (now - self.started) / done * (epochs - done)
        print(
            f"\r{self.name}: epoch {done}/{epochs}"
            f"  training {logs['accuracy']:.3f}"
            f"  validation {logs['val_accuracy']:.3f}  {left:4.0f} s left",
            end="",
            flush=True,
        )

    def on_train_end(self, logs=None):
        print(flush=True)
