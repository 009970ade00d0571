"""How long does TensorFlow wait between the epochs of a training?

    python benchmarks/epoch_waits.py

Claim: with datasets tuned, as TensorFlow has them, some epochs begin more than a tenth
of a second late; as `cnnlab.doctor.quiet_start` leaves them, untuned, none does. The
modern CNN trains on 2,000 images of Scenes, ten epochs in each of three processes a
kind, in turns. A wait is the time from the beginning of an epoch to that of its first
step, in which `fit` lets go of the last epoch's iterator. Takes four minutes on two
cores and writes data/records/epoch_waits.json.
"""

import json
import subprocess
import sys
import time

from cnnlab.doctor import quiet_start

quiet_start()

import keras
import record
import tensorflow as tf

from cnnlab.data import scenes
from cnnlab.models.modern_cnn import modern_cnn

KINDS = ("tuned", "untuned")
NUM_TRAIN, BATCH_SIZE, EPOCHS, ROUNDS = 2_000, 128, 10, 3
LATE = 0.1  # seconds


class Clock(keras.callbacks.Callback):
    """Takes down how long each epoch took, and how long it waited to begin."""

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


def waits(kind):
    """Trains once, with datasets of a kind; returns a dict of seconds by epoch."""
    if kind == "tuned":
        tf.data.Dataset.__iter__ = tf.data.Dataset.__iter__.__wrapped__
    (images, labels), *_ = scenes.load(num_train=NUM_TRAIN, num_test=1)
    model, clock = modern_cnn(), Clock()
    model.compile("adamw", "sparse_categorical_crossentropy")
    options = {"batch_size": BATCH_SIZE, "epochs": EPOCHS, "verbose": 0}
    model.fit(images, labels, callbacks=[clock], **options)
    return {"kind": kind, "waited": clock.waited, "took": clock.took}


def main():
    if len(sys.argv) > 1:
        print(json.dumps(waits(sys.argv[1])))
        return
    runs = []
    for _ in range(ROUNDS):
        for kind in KINDS:
            command = [sys.executable, __file__, kind]
            answer = subprocess.run(command, stdout=subprocess.PIPE, check=True)
            runs.append(json.loads(answer.stdout))
            print(f"{kind:8} waited {sum(runs[-1]['waited']):5.1f} s", end="")
            print(f" of {sum(runs[-1]['took']):5.1f} s", flush=True)
    content = {
        "budget": {"num_train": NUM_TRAIN, "batch_size": BATCH_SIZE, "epochs": EPOCHS},
        **record.conditions("keras", "tensorflow"),
        "runs": runs,
    }
    record.write("epoch_waits", content)
    longest = {
        kind: max(max(run["waited"]) for run in runs if run["kind"] == kind)
        for kind in KINDS
    }
    if not longest["untuned"] < LATE < longest["tuned"]:
        sys.exit("The claim does not hold on this machine.")


if __name__ == "__main__":
    main()
