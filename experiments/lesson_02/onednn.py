"""How much faster does TensorFlow train with oneDNN?

    python -m experiments onednn

On Linux, TensorFlow leaves oneDNN off on processors that have no instructions for int8
or bfloat16; `cnnlab.doctor.quiet_start` switches it on. Claim: no network below trains
more slowly with it, by more than the tenth that noise may take. They train on random
images, with oneDNN and without it, in two processes that take turns of some steps; the
ratio is the median of those of laps that follow each other. Wants an idle machine;
where TensorFlow has oneDNN on by itself, it does nothing.
"""

import os
import statistics
import subprocess
import sys

from experiments import turns
from experiments.harness import Experiment

NETWORKS = {  # name: shape of an image or clip; images in a step and in a lap
    "modern CNN": {"shape": [32, 32, 3], "batch_size": 128, "lap": 2_560},
    "fast CNN": {"shape": [32, 32, 3], "batch_size": 512, "lap": 1_024},
    "fast CNN in bfloat16": {"shape": [32, 32, 3], "batch_size": 128, "lap": 128},
    "small EfficientNet": {"shape": [32, 32, 3], "batch_size": 64, "lap": 640},
    "3D CNN": {"shape": [8, 32, 32, 3], "batch_size": 16, "lap": 320},
}
SWITCH = "TF_ENABLE_ONEDNN_OPTS"
KINDS = {"with oneDNN": "1", "without oneDNN": "0"}
BUDGET = {"laps": 5}  # after one that compiles


def build(name):
    """Builds a network with ten classes."""
    from cnnlab.models.efficientnet import efficientnet
    from cnnlab.models.fast_cnn import fast_cnn
    from cnnlab.models.modern_cnn import modern_cnn
    from cnnlab.models.video import cnn3d

    if name == "modern CNN":
        return modern_cnn()
    if "fast CNN" in name:
        dtype = "mixed_bfloat16" if "bfloat16" in name else "float32"
        return fast_cnn(None, filters=(48, 128, 256), convolution_dtype=dtype)
    if name == "small EfficientNet":
        return efficientnet("small", num_classes=10)
    options = {"filters": (8, 16, 32), "pools": [(1, 2, 2), 2, 2], "hidden": 64}
    return cnn3d(NETWORKS[name]["shape"], **options)


def compete(name, kind):
    """Trains lap by lap, when it is told to."""
    os.environ[SWITCH] = KINDS[kind]
    setting = NETWORKS[name]
    laps = turns.Laps(setting["lap"])
    from cnnlab.start import quiet_start

    quiet_start()
    import keras

    random = keras.random.SeedGenerator(0)
    images = keras.random.uniform((setting["lap"], *setting["shape"]), seed=random)
    labels = keras.ops.arange(setting["lap"]) % 10
    model = build(name)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adamw", loss)
    model.fit(
        images,
        labels,
        batch_size=setting["batch_size"],
        epochs=BUDGET["laps"] + 1,
        callbacks=[laps.callback()],
        verbose=0,
    )
    laps.tell(end=laps.done)


def is_on_by_itself():
    """Returns whether TensorFlow computes with oneDNN when nobody says so."""
    others = {name: os.environ[name] for name in os.environ.keys() - {SWITCH}}
    started = subprocess.run(
        [sys.executable, "-c", "import tensorflow"],
        env={**others, "TF_CPP_MIN_LOG_LEVEL": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    return "oneDNN custom operations are on" in started.stderr


def run():
    """Lets both kinds of every network take turns; returns a row for each."""
    if is_on_by_itself():
        sys.exit("TensorFlow has oneDNN on here by itself. The record stays.")
    rows = []
    for name, setting in NETWORKS.items():
        rates = turns.rates({kind: ["-m", __name__, name, kind] for kind in KINDS})
        row = {"network": name, **setting}
        rows += [
            {"arm": kind, **row, "images_per_second": rates[kind]} for kind in KINDS
        ]
    return rows


def times_as_fast(rows, network):
    """Returns how many times as fast a network trains with oneDNN."""
    rates = {
        row["arm"]: row["images_per_second"]
        for row in rows
        if row["network"] == network
    }
    return statistics.median(
        fast / slow for fast, slow in zip(*(rates[kind] for kind in KINDS), strict=True)
    )


def finish(rows):
    """Checks the claim."""
    faster = {name: times_as_fast(rows, name) for name in NETWORKS}
    for name, times in faster.items():
        print(f"{name}: {times:.2f} times as fast")
    if slower := [name for name, times in faster.items() if times < 0.9]:
        sys.exit(f"The claim does not hold: {', '.join(slower)} train more slowly.")


EXPERIMENT = Experiment(
    name="onednn",
    question="how much faster networks train with oneDNN, which TensorFlow leaves off "
    "on many laptops",
    run=run,
    budget=BUDGET,
    minutes=10,
    packages=("keras", "tensorflow"),
    alone=True,
    anew=True,
    finish=finish,
)

if __name__ == "__main__":
    compete(*sys.argv[1:])
