"""Clips: how fast they are drawn, and what the third axis is worth on them.

    python benchmarks/clips.py speed
    python benchmarks/clips.py train

`speed` claims that `render` draws at least 200 clips of 8 frames of 32x32 in a second
of one core's time, and writes data/records/clips_speed.json in some seconds.

`train` gives four networks the same clips, epochs, falling rate and seeds: a 3D
network, its (2+1)D factorisation, a 2D network averaged over the frames, and the 3D
network on clips whose frames were shuffled beforehand. The last epoch counts, so that
nothing is selected, and the test set is read once. Each finished run is written at once
to data/records/clips_motion.json, and a second start goes on from there.
"""

import argparse
import functools
import statistics
import sys
import time

from cnnlab.start import quiet_start

quiet_start()

import keras
import numpy as np
import record
import workers

from cnnlab.data import clips
from cnnlab.evaluate.classification import accuracy, confusion, predict
from cnnlab.evaluate.cost import multiply_accumulates
from cnnlab.models.video import cnn3d, frame_average
from cnnlab.scenes import clips as drawn_clips
from cnnlab.train.batches import split
from cnnlab.train.fit import train

NUM_CLIPS, ROUNDS, LEAST_PER_SECOND = 400, 7, 200  # of `speed`
NAME = "clips_motion"
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


def speed():
    """Measures, prints, writes the record and checks the claim."""
    rates = []
    drawn_clips.render(NUM_CLIPS)
    for _ in range(ROUNDS):
        started = time.process_time()
        drawn_clips.render(NUM_CLIPS)
        rates.append(NUM_CLIPS / (time.process_time() - started))
    median = statistics.median(rates)
    print(f"{median:,.0f} clips of 8x32x32 a second of one core")
    content = {
        "what": f"render({NUM_CLIPS}), 8 frames of 32x32x3, one core, no GPU",
        "data": {"name": "Clips", "source": "embedded", "seed": 0},
        **record.conditions("numpy"),
        "clips_per_second": round(median),
        "runs": [round(rate) for rate in rates],
    }
    record.write("clips_speed", content)
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
    return {
        "arm": arm,
        "seed": seed,
        "test_accuracy": accuracy(answers, labels),
        "backwards_accuracy": accuracy(backwards, labels),
        "backwards_reversed": accuracy(backwards, np.array(clips.REVERSED)[labels]),
        "confusion": confusion(answers, labels).tolist(),
        "seconds": round(seconds, 1),
        "core_seconds": round(core_seconds, 1),
        "history": record.rounded(history),
    }


def costs():
    """Returns the parameters and multiply-accumulates of every network."""
    models = [(arm, build(arm)) for arm in ARMS[:3]]
    return [
        {
            "arm": arm,
            "parameters": model.count_params(),
            "multiply_accumulates": multiply_accumulates(model),
        }
        for arm, model in models
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("leg", choices=("speed", "train"))
    if parser.parse_args().leg == "speed":
        speed()
        return
    conditions = record.conditions("keras", keras.backend.backend(), "numpy")
    content = record.begun(NAME, load()[-1], BUDGET, **conditions, costs=costs())
    jobs = [(arm, seed) for seed in SEEDS for arm in ARMS]
    workers.complete(NAME, content, run, jobs, lambda r: (r["arm"], r["seed"]))


if __name__ == "__main__":
    main()
