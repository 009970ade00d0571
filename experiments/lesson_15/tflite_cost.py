"""The modern CNN in TFLite: accuracy, agreement, bytes and time of every variant.

Claims, on the 10,000 test images of CIFAR-10: int8 is at least 3 times as fast as
float32 on one thread and at least 3.5 times as small, loses at most 0.5 points of
accuracy, and makes at least 97 % of its decisions as Keras does; float32 makes all of
them as Keras does. Beside it in the same run stand ONNX Runtime and PyTorch.

    python -m venv build/bench-venv
    build/bench-venv/bin/pip install -r requirements.txt -r requirements-bench.txt
    CNNLAB_DATA=... build/bench-venv/bin/python -m experiments tflite_cost

Needs the three seeds of `modern_cnn_checkpoint_cifar10` and an idle machine; without
the second environment, the competitors are left out.
"""

import functools
import importlib.util
import statistics
import sys
import tempfile
from functools import partial

from cnnlab.start import quiet_start

quiet_start()

import keras
import numpy as np

from cnnlab.data import cifar10
from cnnlab.evaluate.classification import accuracy
from cnnlab.lite import cost, interpreter
from cnnlab.lite.convert import INTEGERS, VARIANTS, convert
from cnnlab.lite.parity import agreement
from experiments.harness import Experiment
from experiments.lesson_02.modern_cnn_checkpoint import checkpoint
from experiments.lesson_15.competitors import Contestant, competitors

SEEDS = range(3)
NUM_REPRESENTATIVE = 500  # training images, for every runtime
ROUNDS = 60
CALLS = 20
NUM_IMAGES_SLOW = {"TFLite 16x8": 1_000}  # of 10,000: no fast kernel, 0.1 s each


def contestants(model, representative_images, folder):
    """Returns the network in every runtime and variant, by name."""
    found = {}
    for variant in VARIANTS:
        images = representative_images if variant in INTEGERS else None
        flatbuffer = convert(model, variant, images)
        found[f"TFLite {variant}"] = Contestant(
            len(flatbuffer),
            partial(interpreter.predict, flatbuffer),
            partial(cost.runner, flatbuffer),
        )
    return found | competitors(model, representative_images, folder)


@functools.cache
def load():
    """Returns training images to calibrate with, the test set, and what they are."""
    return cifar10.load("local", num_train=NUM_REPRESENTATIVE)


def run(seed):
    """Measures all contestants with the weights of one seed; returns their rows."""
    (representative_images, _), (images, labels), _ = load()
    model = keras.saving.load_model(checkpoint("cifar10", seed))
    logits = model.predict(images, batch_size=500, verbose=0)
    reference = {"test_accuracy": accuracy(logits, labels), "num_images": len(labels)}
    rows = [{"arm": "Keras", **reference}]
    with tempfile.TemporaryDirectory() as folder:
        found = contestants(model, representative_images, folder)
        for name, contestant in found.items():
            rows.append(
                {"arm": name, **judge(name, contestant, images, labels, logits)}
            )
        for threads in (1, 2):
            runners = {
                name: contestant.runner(images[:1], threads)
                for name, contestant in found.items()
            }
            times = cost.interleaved(runners, ROUNDS, CALLS)
            for name, latency in times.items():
                rows.append({"arm": name, "threads": threads, **time_columns(latency)})
    return rows


def time_columns(latency):
    """Returns the columns of a `Latency`."""
    keys = ("milliseconds", "milliseconds_q1", "milliseconds_q3")
    values = (round(value, 4) for value in latency)
    return {"kind": "latency", **dict(zip(keys, values, strict=True))}


def judge(name, contestant, images, labels, logits):
    """Returns size, accuracy and agreement with Keras of one contestant."""
    num_images = NUM_IMAGES_SLOW.get(name, len(images))
    scores = contestant.predict(images[:num_images])
    compared = agreement(logits[:num_images], scores)
    return {
        "test_accuracy": accuracy(scores, labels[:num_images]),
        "bytes": contestant.num_bytes,
        "num_images": compared.num_images,
        "same_decisions": compared.same_decisions,
        "mean_error": round(compared.mean_error, 6),
    }


def claims(rows):
    """Returns a dict from each claim to what was measured and whether it holds."""

    def column(arm, key, kind="run"):
        chosen = [row for row in rows if (row["arm"], row["kind"]) == (arm, kind)]
        chosen = [row for row in chosen if row.get("threads", 1) == 1]
        return np.array([row[key] for row in chosen])

    whole, small = "TFLite float32", "TFLite int8"
    times = [column(arm, "milliseconds", "latency") for arm in (whole, small)]
    faster = statistics.median(times[0] / times[1])
    smaller = min(column(whole, "bytes") / column(small, "bytes"))
    kept = column("Keras", "test_accuracy") - column(small, "test_accuracy")
    lost = 100 * max(kept)
    same = min(column(small, "same_decisions"))
    exact = min(column(whole, "same_decisions"))
    return {
        "int8 at least 3 times as fast": (round(faster, 2), faster >= 3),
        "int8 at least 3.5 times as small": (round(smaller, 2), smaller >= 3.5),
        "int8 loses at most 0.5 points": (round(lost, 2), round(lost, 6) <= 0.5),
        "int8 decides alike in 97 %": (round(100 * same, 2), same >= 0.97),
        "float32 decides alike in 100 %": (round(100 * exact, 2), exact == 1),
    }


def finish(rows):
    """Checks the claims."""
    found = claims(rows)
    for claim, (measured, holds) in found.items():
        print(f"{claim}: {measured} ({'holds' if holds else 'DOES NOT HOLD'})")
    if not all(holds for _, holds in found.values()):
        sys.exit("A claim does not hold on this machine.")


COMPETITORS = [x for x in ("onnxruntime", "torch") if importlib.util.find_spec(x)]
EXPERIMENT = Experiment(
    name="tflite_cost",
    question="accuracy, size and time of the modern CNN in TFLite, ONNX and PyTorch",
    run=run,
    data=lambda: load()[-1],
    budget={
        "num_representative": NUM_REPRESENTATIVE,
        "rounds": ROUNDS,
        "calls": CALLS,
        "what": "one image of 32x32x3 a call; median and quartiles in milliseconds",
    },
    seeds=SEEDS,
    minutes=5,
    packages=("keras", "tensorflow", "ai-edge-litert", "numpy", *COMPETITORS),
    alone=True,
    finish=finish,
)
