"""How long does TensorFlow wait between the epochs of a training?

    python -m experiments epoch_waits

Claim: with datasets tuned, as TensorFlow has them, waiting between epochs takes more
than a hundredth of the training; untuned, as `cnnlab.doctor.quiet_start` leaves them,
less. The modern CNN trains on 2,000 images of Scenes for ten epochs, in two processes
a kind, in turns. A wait is the time from the beginning of an epoch to that of its first
step, in which `fit` lets go of the last epoch's iterator; the first epoch has none to
let go of.
"""

import sys
import time

from cnnlab.start import quiet_start

quiet_start()

import keras
import tensorflow as tf

from cnnlab.data import scenes
from cnnlab.models.modern_cnn import modern_cnn
from experiments.harness import Experiment

KINDS = ("tuned", "untuned")
BUDGET = {"num_train": 2_000, "batch_size": 128, "epochs": 10, "rounds": 2}
LIMIT = 0.01  # of the training


class Waits(keras.callbacks.Callback):
    """Takes down the seconds of each epoch, and those before its first step."""

    def on_train_begin(self, logs=None):
        self.waited, self.took = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.began, self.is_waiting = time.perf_counter(), True

    def on_train_batch_begin(self, batch, logs=None):
        if self.is_waiting:
            self.waited.append(round(time.perf_counter() - self.began, 3))
            self.is_waiting = False

    def on_epoch_end(self, epoch, logs=None):
        self.took.append(round(time.perf_counter() - self.began, 3))


def load():
    return scenes.load(num_train=BUDGET["num_train"], num_test=1)


def run(arm, seed):
    """Trains once with datasets of a kind; returns its seconds, epoch by epoch."""
    if arm == "tuned":  # as it was before `quiet_start`
        tf.data.Dataset.__iter__ = tf.data.Dataset.__iter__.__wrapped__
    (images, labels), *_ = load()
    keras.utils.set_random_seed(seed)
    model, waits = modern_cnn(), Waits()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adamw", loss)
    options = {name: BUDGET[name] for name in ("batch_size", "epochs")}
    model.fit(images, labels, callbacks=[waits], verbose=0, **options)
    return {"history_seconds_waited": waits.waited, "history_seconds": waits.took}


def share_waited(rows, arm):
    """Returns how much of the epochs after the first was waiting."""
    waited, took = (
        sum(sum(row[key][1:]) for row in rows if row["arm"] == arm)
        for key in ("history_seconds_waited", "history_seconds")
    )
    return waited / took


def finish(rows):
    """Checks the claim."""
    for arm in KINDS:
        print(f"{arm}: {share_waited(rows, arm):.1%} waited")
    if share_waited(rows, "untuned") > LIMIT:
        sys.exit("The claim does not hold: untuned datasets wait as well.")
    if share_waited(rows, "tuned") < LIMIT:
        sys.exit("The claim does not hold: TensorFlow does not wait here.")


EXPERIMENT = Experiment(
    name="epoch_waits",
    question="how long TensorFlow waits between epochs, and that here it does not",
    run=run,
    data=lambda: load()[-1],
    budget=BUDGET,
    arms=KINDS,
    seeds=range(BUDGET["rounds"]),
    minutes=3,
    packages=("keras", "tensorflow"),
    apart=True,
    anew=True,
    finish=finish,
)
