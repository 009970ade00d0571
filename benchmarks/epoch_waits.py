"""How long does TensorFlow wait between the epochs of a training?

    python benchmarks/epoch_waits.py

Claim: with datasets tuned, as TensorFlow has them, waiting between epochs takes more
than a hundredth of the training; untuned, as `cnnlab.doctor.quiet_start` leaves them,
less. The modern CNN trains on 2,000 images of Scenes for ten epochs, in two processes
a kind, in turns. A wait is the time from the beginning of an epoch to that of its first
step, in which `fit` lets go of the last epoch's iterator; the first epoch has none to
let go of. Takes three minutes on two cores and writes data/records/epoch_waits.json.
"""

import argparse
import json
import subprocess
import sys
import time

from cnnlab.start import quiet_start

quiet_start()

import keras
import record
import tensorflow as tf

from cnnlab.data import scenes
from cnnlab.models.modern_cnn import modern_cnn

NAME = "epoch_waits"
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


def run(kind, seed):
    """Trains once with datasets of a kind; returns its seconds, epoch by epoch."""
    if kind == "tuned":  # as it was before `quiet_start`
        tf.data.Dataset.__iter__ = tf.data.Dataset.__iter__.__wrapped__
    (images, labels), *_ = load()
    keras.utils.set_random_seed(seed)
    model, waits = modern_cnn(), Waits()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adamw", loss)
    options = {name: BUDGET[name] for name in ("batch_size", "epochs")}
    model.fit(images, labels, callbacks=[waits], verbose=0, **options)
    seconds = {"seconds_waited": waits.waited, "seconds": waits.took}
    return {"kind": kind, "seed": seed, **seconds}


def share(runs, kind):
    """Returns how much of the epochs after the first was waiting."""
    waited, took = (
        sum(sum(run[key][1:]) for run in runs if run["kind"] == kind)
        for key in ("seconds_waited", "seconds")
    )
    return waited / took


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", nargs="?", choices=KINDS, help="train once, and tell")
    parser.add_argument("seed", nargs="?", type=int, default=0)
    arguments = parser.parse_args()
    if keras.backend.backend() != "tensorflow":
        sys.exit("It is TensorFlow that waits: unset KERAS_BACKEND.")
    if arguments.kind:
        print(json.dumps(run(arguments.kind, arguments.seed)))
        return
    runs = []
    for seed in range(BUDGET["rounds"]):
        for kind in KINDS:
            command = [sys.executable, __file__, kind, str(seed)]
            answer = subprocess.run(command, stdout=subprocess.PIPE, check=True)
            runs.append(json.loads(answer.stdout.splitlines()[-1]))
            print(
                f"seed {seed}, {kind}: {share(runs[-1:], kind):.1%} waited", flush=True
            )
    shares = {kind: share(runs, kind) for kind in KINDS}
    *_, data = load()
    content = {
        "data": {"name": data.name, "source": data.source},
        "checksum": data.checksum,
        "budget": BUDGET,
        **record.conditions("keras", "tensorflow"),
        "shares_waited": shares,
        "runs": runs,
    }
    record.write(NAME, content)
    if shares["untuned"] > LIMIT:
        sys.exit("The claim does not hold: untuned datasets wait as well.")
    if shares["tuned"] < LIMIT:
        sys.exit("The claim does not hold: TensorFlow does not wait here.")


if __name__ == "__main__":
    main()
