"""Training: model and data in, history out.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Source: AdamW, Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101; the fast
    recipe, Jordan 2024, https://arxiv.org/abs/2404.00498
"""

import itertools
import time

import cv2
import keras
import numpy as np
from keras import ops

BYTES_AT_ONCE = 2**17  # larger arrays may come from the system anew, page by page


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
    _require_labels(images, labels)
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


def _require_labels(images, labels):
    if len(images) != len(labels):
        raise ValueError(
            "There must be one label for each image. "
            f"Received: {len(images)} images, {len(labels)} labels"
        )


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
    return _numbers(history)


def _numbers(history):
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
    """Rewrites one line with the epoch, the accuracies and the time that is left.

    Args:
        name: What the line calls the run.
        costs: What each epoch costs, in any unit, where they differ or a training takes
            several calls of `fit`; one line then tells of all of them.
    """

    def __init__(self, name="", costs=None):
        super().__init__()
        self.name, self.costs, self.spent = name, costs, 0

    def on_train_begin(self, logs=None):
        if self.costs is None or not self.spent:
            self.started, self.spent = time.perf_counter(), 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch_started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        now = time.perf_counter()
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        logs.update(seconds=now - self.epoch_started, learning_rate=rate)
        costs = self.costs or [1] * self.params["epochs"]
        done, epochs = epoch + 1, len(costs)
        self.spent += costs[epoch]  # `fit` need not begin with the first epoch
        left = (now - self.started) / self.spent * sum(costs[done:])
        self.is_last = done == epochs
        validation = logs.get("val_accuracy")
        print(
            f"\r{self.name}: epoch {done}/{epochs}  training {logs['accuracy']:.3f}",
            "" if validation is None else f" validation {validation:.3f}",
            f" {left:4.0f} s left",
            end="",
            flush=True,
        )

    def on_train_end(self, logs=None):
        if self.is_last or self.model.stop_training:
            print(flush=True)


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
        ValueError: As `Epochs`, if `epochs` is less than 1, and if `sizes` are not as
            many, or not positive.
    """
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
    if name is not None:
        callbacks = [Progress(name, [(size or 1) ** 2 for size in sizes]), *callbacks]
    history, done = {}, 0
    for size, stage in itertools.groupby(sizes):
        begun, done = done, done + len(list(stage))
        batches.size, batches.epoch = size, begun  # `fit` looks, and ends that epoch
        fitted = model.fit(
            batches,
            initial_epoch=begun,
            epochs=done,
            callbacks=list(callbacks),
            verbose=0,
        )
        for key, values in _numbers(fitted).items():
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


class Epochs(keras.utils.PyDataset):
    """Whole batches of images in a new order every epoch, augmented as they are taken.

    `fit` looks at a batch or two and starts anew, which ends epoch 0: it trains on the
    epochs from 1. Unless it is told `shuffle=False`, it also shuffles the batches of an
    epoch, by Python's own generator, which `keras.utils.set_random_seed` sets.

    Args:
        images: Shape `(N, H, W, C)`, floats in [0, 1] or bytes, which take a quarter of
            the memory and become floats batch by batch.
        labels: Class numbers, shape `(N,)`, the highest class among them; batches hold
            them one-hot.
        batch_size: Images in a batch, at most `N`; what is left over waits for the
            next epoch.
        augment: Function of `(images, indices, epoch, random)` that returns as many
            images, called for some images of a batch at a time; `indices` are their
            places in the training set, `random` is a `numpy.random.Generator` of this
            batch's own.
        seed: Seed of the orders and generators.
        size: Height and width that images are resized to, after `augment`; each pixel
            is the mean of what it covers. `None` leaves them as they are.

    Raises:
        ValueError: If images and labels differ in number, or there are fewer images
            than a batch holds.
    """

    def __init__(self, images, labels, batch_size, *, augment=None, seed=0, size=None):
        super().__init__()
        _require_labels(images, labels)
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
            few = self._seen(chosen[start : start + self.num_at_once], random)
            highest, kind = (255, "float32") if few.dtype == "uint8" else (1, few.dtype)
            if start == 0:
                batch = np.empty((len(chosen), *few.shape[1:]), kind)
            np.divide(few, highest, batch[start : start + len(few)], dtype=kind)
        return batch, self.one_hot[chosen]

    def _seen(self, chosen, random):
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


@keras.saving.register_keras_serializable(package="cnnlab")
class Triangle(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises along a line, then falls along one until the last step.

    Args:
        peak: Highest rate.
        num_steps: Steps of the whole training, at least 1.
        start: Rate at the first step, as a share of the highest.
        peak_at: When the rate is highest, as a share of the training in (0, 1).
        end: Rate when all steps are done, as a share of the highest.

    Raises:
        ValueError: If `num_steps` or `peak_at` is out of its range.
    """

    def __init__(self, peak, num_steps, start=0.2, peak_at=0.23, end=0.07):
        if num_steps < 1 or not 0 < peak_at < 1:
            raise ValueError(
                "`num_steps` must be at least 1 and `peak_at` between 0 and 1. "
                f"Received: num_steps={num_steps}, peak_at={peak_at}"
            )
        self.peak, self.num_steps = peak, num_steps
        self.start, self.peak_at, self.end = start, peak_at, end

    def __call__(self, step):
        done = ops.cast(step, "float32") / self.num_steps
        rising = self.start + (1 - self.start) * done / self.peak_at
        falling = 1 - (1 - self.end) * (done - self.peak_at) / (1 - self.peak_at)
        return self.peak * ops.minimum(rising, ops.maximum(falling, self.end))

    def get_config(self):
        return dict(vars(self))


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
