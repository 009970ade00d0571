"""Compiles and fits a classifier, once or with several seeds.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Source: AdamW, Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101
"""

import keras

from cnnlab.labels import class_numbers
from cnnlab.train.progress import EpochTimes, Progress


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
        train_set: `(images, labels)`, labels in any form that
            `cnnlab.labels.class_numbers` takes.
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

    Raises:
        ValueError: If the model ends in probabilities, or labels do not fit the images.
    """
    check_ends_in_logits(model)
    train_set, val_set = (_with_class_numbers(*part) for part in (train_set, val_set))
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
        callbacks=[EpochTimes(), Progress(name), *callbacks],
        verbose=0,
    )
    return history_as_floats(history)


def check_ends_in_logits(model):
    """Raises a ValueError if the last layer of a model is a softmax or sigmoid."""
    last = model.layers[-1] if getattr(model, "layers", None) else None
    activation = getattr(last, "activation", None)
    name = getattr(activation, "__name__", "")
    if isinstance(last, keras.layers.Softmax) or name in ("softmax", "sigmoid"):
        raise ValueError(
            "The model must end in logits, because the loss applies the softmax: leave "
            f"out the last activation. Received: {name or 'softmax'} in layer "
            f"{last.name!r}"
        )


def _with_class_numbers(images, labels):
    return images, class_numbers(labels, num_items=len(images))


def history_as_floats(history):
    """Returns the history of `fit` as a dict of lists of Python floats."""
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
