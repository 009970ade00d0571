"""Clips: how fast they are drawn, and what the third axis is worth on them.

    python -m experiments clips_speed
    python -m experiments clips_motion

`clips_speed` claims that `render` draws at least 200 clips of 8 frames of 32x32 in a
second of one core's time.

`clips_motion` gives four networks the same clips, epochs, falling rate and seeds: a 3D
network, its (2+1)D factorisation, a 2D network averaged over the frames, and the 3D
network on clips whose frames were shuffled beforehand. The last epoch counts, so that
nothing is selected, and the test set is read once.
"""

import functools
import statistics
import sys
import time

from cnnlab.start import quiet_start

quiet_start()

import keras
import numpy as np

from cnnlab.data import clips
from cnnlab.evaluate.classification import accuracy, confusion, predict
from cnnlab.models.video import cnn3d, frame_average
from cnnlab.scenes import clips as drawn_clips
from cnnlab.train.batches import split
from cnnlab.train.fit import train
from experiments.harness import Experiment
from experiments.rows import cost_columns, history_columns
from experiments.timing import interleaved

NUM_CLIPS, ROUNDS, LEAST_PER_SECOND = 400, 7, 200  # of `clips_speed`
BUDGET = {
    "num_train": 1_500,
    "num_val": 300,
    "num_test": 1_000,
    "num_frames": 8,
    "pixels": 32,
    "epochs": 10,
    "batch_size": 16,
    "learning_rate": 3e-3,  # of AdamW at the start; a cosine takes it to 0
    "filters": [8, 16, 32],
    "hidden": 64,
    "dropout": 0.25,
}
SEEDS = range(3)
ARMS = ("3D", "(2+1)D", "frames averaged", "3D, frames shuffled")


def draw(arm, seed):
    """Returns how many clips one core draws in a second, several times."""
    draws = {arm: lambda: drawn_clips.render(NUM_CLIPS, seed)}
    seconds = interleaved(draws, ROUNDS, clock=time.process_time)[arm]
    return {"clips_per_second": [round(NUM_CLIPS / each) for each in seconds]}


def check_speed(rows):
    """Checks the claim."""
    median = statistics.median(rows[0]["clips_per_second"])
    print(f"{median:,.0f} clips of 8x32x32 a second of one core")
    if median < LEAST_PER_SECOND:
        sys.exit("Slower than claimed.")


@functools.cache
def load():
    """Returns training, validation and test sets and what they are."""
    train_set, test_set, data = clips.load(
        "embedded", BUDGET["num_train"] + BUDGET["num_val"], BUDGET["num_test"]
    )
    return *split(*train_set, num_val=BUDGET["num_val"]), test_set, data


def build(arm):
    """Builds the network of one arm."""
    options = {"filters": BUDGET["filters"], "hidden": BUDGET["hidden"]}
    options["rate"] = BUDGET["dropout"]
    shape = (BUDGET["num_frames"], BUDGET["pixels"], BUDGET["pixels"], 3)
    if arm == "frames averaged":
        return frame_average(shape, **options)
    return cnn3d(shape, **options, factorize=arm == "(2+1)D")


def prepare(arm, images, seed):
    """Shuffles the frames of every clip, each in its own order, if the arm says so."""
    if arm != "3D, frames shuffled":
        return images
    orders = np.random.default_rng(seed).random(images.shape[:2]).argsort(axis=1)
    return np.take_along_axis(images, orders[:, :, None, None, None], axis=1)


def run(arm, seed):
    """Trains one arm with one seed and returns its result as a dict."""
    sets = [
        (prepare(arm, images, (seed, part)), labels)
        for part, (images, labels) in enumerate(load()[:3])
    ]
    keras.utils.set_random_seed(seed)
    model = build(arm)
    steps = BUDGET["epochs"] * -(-BUDGET["num_train"] // BUDGET["batch_size"])
    rate = keras.optimizers.schedules.CosineDecay(BUDGET["learning_rate"], steps)
    started, core_started = time.perf_counter(), time.process_time()
    history = train(
        model,
        *sets[:2],
        epochs=BUDGET["epochs"],
        batch_size=BUDGET["batch_size"],
        optimizer=keras.optimizers.AdamW(rate),
        name=f"{arm}, seed {seed}",
    )
    seconds, core_seconds = (
        time.perf_counter() - started,
        time.process_time() - core_started,
    )
    images, labels = sets[2]
    answers = predict(model, images, batch_size=100)
    backwards = predict(model, images[:, ::-1], batch_size=100)
    reversed_labels = np.array(clips.REVERSED)[labels]
    return {
        "test_accuracy": accuracy(answers, labels),
        "test_backwards_accuracy": accuracy(backwards, labels),
        "test_backwards_reversed": accuracy(backwards, reversed_labels),
        "test_confusion": confusion(answers, labels).tolist(),
        "seconds": round(seconds, 1),
        "core_seconds": round(core_seconds, 1),
        **history_columns(history),
    }


def costs():
    """Returns the parameters and multiply-accumulates of every network."""
    return [{"arm": arm, **cost_columns(build(arm))} for arm in ARMS[:3]]


SPEED = Experiment(
    name="clips_speed",
    question="how many clips one core draws in a second",
    run=draw,
    budget={"what": f"render({NUM_CLIPS}), 8 frames of 32x32x3, one core, no GPU"},
    arms=["render"],
    seeds=[0],
    minutes=0.2,
    packages=["numpy"],
    alone=True,
    anew=True,
    finish=check_speed,
)
MOTION = Experiment(
    name="clips_motion",
    question="what the third axis is worth on clips",
    run=run,
    data=lambda: load()[-1],
    budget=BUDGET,
    arms=ARMS,
    seeds=SEEDS,
    minutes=10,
    costs=costs,
    packages=("keras", keras.backend.backend(), "numpy"),
)
