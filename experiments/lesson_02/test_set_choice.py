"""How much does an accuracy flatter when the test set chose the epoch?

    CNNLAB_DATA=... python -m experiments test_set_choice

The simple CNN learns from 5,000 images of CIFAR-10 for 30 epochs, three times. After
each epoch every test image is answered. Then, as tutorials do, a part of the test set
chooses the epoch and reports its accuracy there; the rest of the test set, which chose
nothing, says how good that epoch really is. Repeated for 200 random parts of each size.
"""

from cnnlab.start import quiet_start

quiet_start()

import functools

import keras
import numpy as np

from cnnlab.data import cifar10
from cnnlab.models.modern_cnn import simple_cnn
from cnnlab.train.batches import split
from cnnlab.train.fit import train
from experiments.harness import Experiment
from experiments.rows import history_columns

NUM_TRAIN, NUM_VAL = 5_000, 1_000
EPOCHS = 30
SEEDS = range(3)
SIZES = (100, 250, 500, 1_000, 2_500, 5_000)  # test images that choose
NUM_PARTS = 200


class Answers(keras.callbacks.Callback):
    """Keeps after each epoch which images were answered rightly."""

    def __init__(self, images, labels):
        super().__init__()
        self.images, self.labels, self.right = images, labels, []

    def on_epoch_end(self, epoch, logs=None):
        logits = self.model.predict(self.images, batch_size=1_000, verbose=0)
        self.right.append(logits.argmax(-1) == self.labels)


def answers(seed, train_set, val_set, test_set):
    """Trains once; returns right answers `(epochs, images)` and the history."""
    keras.utils.set_random_seed(seed)
    watch = Answers(*test_set)
    name = f"simple CNN, seed {seed}"
    options = {"epochs": EPOCHS, "callbacks": [watch], "name": name}
    history = train(simple_cnn(), train_set, val_set, **options)
    return np.array(watch.right), history


def choices(right, val_accuracy, size, random):
    """Reports one epoch chosen by a part of the test set, and one by validation."""
    order = random.permutation(right.shape[1])
    part, rest = right[:, order[:size]].mean(1), right[:, order[size:]].mean(1)
    by_test, by_val = part.argmax(), np.argmax(val_accuracy)
    return part[by_test] - rest[by_test], part[by_val] - rest[by_val]


@functools.cache
def load():
    """Returns training, validation and test sets and what they are."""
    train_and_val, test_set, data = cifar10.load("local", num_train=NUM_TRAIN + NUM_VAL)
    return *split(*train_and_val, num_val=NUM_VAL), test_set, data


def run(arm, seed):
    """Trains once; returns the curves, and a row for each number of test images."""
    right, history = answers(seed, *load()[:3])
    val_accuracy = history["val_accuracy"]
    curves = {"val_accuracy": val_accuracy, "test_accuracy": right.mean(1)}
    rows, random = [history_columns(curves)], np.random.default_rng(seed)
    for size in SIZES:
        pairs = [choices(right, val_accuracy, size, random) for _ in range(NUM_PARTS)]
        by_test, by_val = np.mean(pairs, axis=0).round(5).tolist()
        chosen = {"chosen_by_test": by_test, "chosen_by_val": by_val}
        rows.append({"kind": "optimism", "num_choosing": size, **chosen})
    return rows


EXPERIMENT = Experiment(
    name="test_set_choice",
    question="how much a test set that chose the epoch flatters",
    run=run,
    data=lambda: load()[-1],
    budget={"num_train": NUM_TRAIN, "epochs": EPOCHS, "parts": NUM_PARTS},
    arms=["simple CNN"],
    seeds=SEEDS,
    minutes=5,
    packages=("keras", keras.backend.backend(), "numpy"),
)
