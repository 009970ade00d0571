"""The fast recipe: CIFAR-10 in few epochs.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Source: Jordan 2024, https://arxiv.org/abs/2404.00498
"""

import itertools
import time

import keras
from keras import ops

from cnnlab.train.batches import Epochs
from cnnlab.train.fit import check_ends_in_logits, history_as_floats
from cnnlab.train.progress import EpochTimes, Progress
from cnnlab.train.schedules import Triangle


def train_fast(
    model,
    train_set,
    *,
    epochs,
    batch_size=512,
    sizes=None,
    augment=None,
    rate=1.5,
    momentum=0.85,
    weight_decay=0.009,
    label_smoothing=0.2,
    lookahead=True,
    seed=0,
    callbacks=(),
    name="",
):
    """Fits a classifier in few epochs, by the recipe of the CIFAR-10 speed records.

    SGD with Nesterov momentum whose rate rises and falls along a `Triangle`, smoothed
    labels, weights averaged by `Lookahead`. There is no validation set: the number of
    epochs is fixed beforehand, and the last one counts.

    Args:
        model: `keras.Model` from images to logits.
        train_set: `(images, labels)`, as for `Epochs`.
        epochs: Passes over the training set, of whole batches.
        batch_size: Images in one step.
        sizes: Height and width of the images in each epoch, `epochs` numbers: small
            ones first cost less. `None` leaves images as they are; otherwise the model
            must take images of any size.
        augment: As for `Epochs`.
        rate: Highest learning rate for a batch of 1,024 images; it is proportional to
            the size of the batch.
        momentum: Of the optimiser.
        weight_decay: Share of the weights, times the rate, that each step takes away.
        label_smoothing: Share of the truth that is spread over all classes.
        lookahead: Whether weights are averaged.
        seed: Seed of what each batch holds and of what `augment` draws; in which order
            batches come is shuffled as `Epochs` says.
        callbacks: Further `keras.callbacks.Callback` instances.
        name: What the line of progress calls the run; `None` for no such line.

    Returns:
        A dict of lists with one number an epoch, as of `train`, without validation.

    Raises:
        ValueError: As `Epochs`, if the model ends in probabilities, `epochs` is less
            than 1, or `sizes` are not as many, or not positive.
    """
    check_ends_in_logits(model)
    if epochs < 1:
        raise ValueError(f"`epochs` must be at least 1. Received: {epochs}")
    sizes = [None] * epochs if sizes is None else list(sizes)
    if len(sizes) != epochs or any(size is not None and size < 1 for size in sizes):
        raise ValueError(
            f"`sizes` must be a positive number for each of {epochs} epochs. "
            f"Received: {sizes}"
        )
    batches = Epochs(*train_set, batch_size, augment=augment, seed=seed)
    num_steps = epochs * len(batches)
    schedule = Triangle(rate * batch_size / 1024, num_steps)
    options = {"momentum": momentum, "weight_decay": weight_decay, "nesterov": True}
    if lookahead:
        optimizer = Lookahead(schedule, num_steps, **options)
    else:
        optimizer = keras.optimizers.SGD(schedule, **options)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=label_smoothing
        ),
        metrics=["accuracy"],
    )
    callbacks = [EpochTimes(), *callbacks]
    if name is not None:
        callbacks.insert(1, Progress(name, [(size or 1) ** 2 for size in sizes]))
    history, done = {}, 0
    for size, stage in itertools.groupby(sizes):
        first, done = done, done + len(list(stage))
        batches.size, batches.epoch = size, first  # `fit` reads ahead, ending it
        fitted = model.fit(
            batches,
            initial_epoch=first,
            epochs=done,
            callbacks=list(callbacks),
            verbose=0,
        )
        for key, values in history_as_floats(fitted).items():
            history.setdefault(key, []).extend(values)
        if model.stop_training:  # a callback has had enough
            break
    return history


def throughput(model, train_set, *, batch_size=512, seconds=4.0):
    """Measures how many images a second `train_fast` trains a model on.

    The model is trained by it for as long. The first step, which compiles, is left out,
    and at least one more is taken.

    Args:
        model: `keras.Model` from images to logits.
        train_set: `(images, labels)`, as for `Epochs`.
        batch_size: Images in one step.
        seconds: How long to count.

    Returns:
        Images a second.

    Raises:
        ValueError: As `Epochs`.
    """
    probe = _Probe(seconds)
    options = {"batch_size": batch_size, "callbacks": [probe], "name": None}
    train_fast(model, train_set, epochs=10_000, **options)
    return batch_size * (len(probe.ended) - 1) / (probe.ended[-1] - probe.ended[0])


class _Probe(keras.callbacks.Callback):
    """Takes down when steps end, and ends the training after some seconds."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds, self.ended = seconds, []

    def on_train_batch_end(self, batch, logs=None):
        self.ended.append(time.perf_counter())
        since_the_first = self.ended[-1] - self.ended[0]
        self.model.stop_training = (
            len(self.ended) > 1 and since_the_first >= self.seconds
        )


@keras.saving.register_keras_serializable(package="cnnlab")
class Lookahead(keras.optimizers.SGD):
    """SGD that every few steps returns part of the way to its own average.

    Slow weights follow the fast ones and, every `interval` steps, become where the fast
    ones go on from. The pull grows with the cube of the time: none at first, when
    weights have far to go. After `fit` a model holds the slow weights, and the steps
    since the last return are lost; fewer than `interval` steps are plain SGD.

    Source: Zhang et al. 2019, https://arxiv.org/abs/1907.08610; the growing pull,
    Jordan 2024, section 3.4, https://arxiv.org/abs/2404.00498

    Args:
        learning_rate: As for `keras.optimizers.SGD`; so are all that are not listed.
        num_steps: Steps of the whole training, at least 1; further ones go on with the
            strongest pull.
        interval: Steps from one return to the next, at least 1.
        strongest: Share of the way back that the pull grows to, in [0, 1].

    Raises:
        ValueError: If one of the three is out of its range.
    """

    def __init__(
        self, learning_rate, num_steps, interval=5, strongest=0.95**5, **options
    ):
        super().__init__(learning_rate, **options)
        if num_steps < 1 or interval < 1 or not 0 <= strongest <= 1:
            raise ValueError(
                "`num_steps` and `interval` must be at least 1, `strongest` between 0 "
                f"and 1. Received: num_steps={num_steps}, interval={interval}, "
                f"strongest={strongest}"
            )
        self.num_steps, self.interval, self.strongest = num_steps, interval, strongest

    def build(self, variables):
        super().build(variables)
        self.slow = [self.add_variable_from_reference(v, "slow") for v in variables]

    def apply(self, grads, trainable_variables=None):
        super().apply(grads, trainable_variables)
        since = ops.cast(self.iterations - self.interval, "float32")  # the first return
        pull = self.strongest * ops.clip(since / self.num_steps, 0, 1) ** 3
        now = ops.cast(self.iterations % self.interval == 0, "float32")  # 0 or 1
        for fast, slow in zip(self._trainable_variables, self.slow, strict=True):
            slow.assign(slow + now * (1 - pull) * (fast - slow))
            fast.assign(fast + now * (slow - fast))

    def finalize_variable_values(self, var_list):
        super().finalize_variable_values(var_list)
        if int(self.iterations) >= self.interval:  # slow weights are zeros before
            for fast, slow in zip(self._trainable_variables, self.slow, strict=True):
                fast.assign(ops.copy(slow))  # JAX cannot go on with one array for both

    def get_config(self):
        own = ("num_steps", "interval", "strongest")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
