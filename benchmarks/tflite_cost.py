"""The modern CNN in TFLite: accuracy, agreement, bytes and time of every variant.

Claims, on the 10,000 test images of CIFAR-10: int8 is at least 3 times as fast as
float32 on one thread and at least 3.5 times as small, loses at most 0.5 points of
accuracy, and makes at least 97 % of its decisions as Keras does; float32 makes all of
them as Keras does. Beside it in the same run stand ONNX Runtime and PyTorch.

    python -m venv build/bench-venv
    build/bench-venv/bin/pip install -r requirements-bench.txt
    CNNLAB_DATA=... PYTHONPATH=. build/bench-venv/bin/python benchmarks/tflite_cost.py

Needs the three seeds of `modern_cnn_checkpoint.py cifar10` and an idle machine; without
the second environment, the competitors are left out. Writes
data/records/tflite_cost.json; takes about five minutes on two cores.
"""

import sys
import tempfile
from functools import partial

from cnnlab.start import quiet_start

quiet_start()

import keras
import numpy as np
import record
from competitors import Contestant, competitors
from modern_cnn_checkpoint import checkpoint

from cnnlab.data import cifar10
from cnnlab.evaluate.classification import accuracy
from cnnlab.lite import cost, interpreter
from cnnlab.lite.convert import INTEGERS, VARIANTS, convert
from cnnlab.lite.parity import agreement

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


def run(seed, representative_images, test_set):
    """Measures all contestants with the weights of one seed; returns a dict."""
    images, labels = test_set
    model = keras.saving.load_model(checkpoint("cifar10", seed))
    logits = model.predict(images, batch_size=500, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        found = contestants(model, representative_images, folder)
        results = {
            name: _worth(name, contestant, images, labels, logits)
            for name, contestant in found.items()
        }
        for threads in (1, 2):
            runners = {
                name: contestant.runner(images[:1], threads)
                for name, contestant in found.items()
            }
            times = cost.interleaved(runners, ROUNDS, CALLS)
            for name, latency in times.items():
                milliseconds = [round(value, 4) for value in latency]
                results[name][f"milliseconds_{threads}"] = milliseconds
    return {
        "seed": seed,
        "keras_accuracy": accuracy(logits, labels),
        "contestants": results,
    }


def _worth(name, contestant, images, labels, logits):
    num_images = NUM_IMAGES_SLOW.get(name, len(images))
    scores = contestant.predict(images[:num_images])
    compared = agreement(logits[:num_images], scores)
    return {
        "bytes": contestant.num_bytes,
        "num_images": compared.num_images,
        "accuracy": accuracy(scores, labels[:num_images]),
        "same_decisions": compared.same_decisions,
        "mean_error": round(compared.mean_error, 6),
    }


def claims(runs):
    """Returns a dict from each claim to what was measured and whether it holds."""
    whole, small = (
        [each["contestants"][f"TFLite {variant}"] for each in runs]
        for variant in ("float32", "int8")
    )
    faster = np.median(
        [w["milliseconds_1"][0] / s["milliseconds_1"][0] for w, s in zip(whole, small)]
    )
    smaller = min(w["bytes"] / s["bytes"] for w, s in zip(whole, small))
    lost = max(
        100 * (each["keras_accuracy"] - s["accuracy"]) for each, s in zip(runs, small)
    )
    same = min(s["same_decisions"] for s in small)
    exact = min(w["same_decisions"] for w in whole)
    return {
        "int8 at least 3 times as fast": (round(float(faster), 2), bool(faster >= 3)),
        "int8 at least 3.5 times as small": (round(smaller, 2), smaller >= 3.5),
        "int8 loses at most 0.5 points": (round(lost, 2), round(lost, 6) <= 0.5),
        "int8 decides alike in 97 %": (round(100 * same, 2), same >= 0.97),
        "float32 decides alike in 100 %": (round(100 * exact, 2), exact == 1),
    }


def show(runs):
    """Prints a table: the mean over seeds, of times the median of the medians."""
    print(
        f"{'':24}{'kB':>6}{'accuracy':>10}{'alike':>9}{'1 thread':>10}{'2 threads':>11}"
    )
    for name in runs[0]["contestants"]:
        rows = [each["contestants"][name] for each in runs]
        share = {
            key: np.mean([row[key] for row in rows])
            for key in ("bytes", "accuracy", "same_decisions")
        }
        one, two = (
            np.median([row[f"milliseconds_{threads}"][0] for row in rows])
            for threads in (1, 2)
        )
        print(
            f"{name:24}{share['bytes'] / 1000:6.0f}{share['accuracy']:10.2%}"
            f"{share['same_decisions']:9.2%}{one:7.3f} ms{two:8.3f} ms"
        )


def main():
    """Measures, prints, writes the record and checks the claims."""
    missing = [seed for seed in SEEDS if not checkpoint("cifar10", seed).exists()]
    if missing:
        sys.exit("First run `python benchmarks/modern_cnn_checkpoint.py cifar10`.")
    train_set, test_set, data = cifar10.load("local", num_train=NUM_REPRESENTATIVE)
    runs = []
    for seed in SEEDS:
        runs.append(run(seed, train_set[0], test_set))
        show(runs[-1:])
    show(runs)
    found = claims(runs)
    for claim, (measured, holds) in found.items():
        print(f"{claim}: {measured} ({'holds' if holds else 'DOES NOT HOLD'})")
    libraries = {
        "ONNX Runtime float32": "onnxruntime",
        "PyTorch eager float32": "torch",
    }
    present = [libraries[name] for name in libraries if name in runs[0]["contestants"]]
    content = {
        "what": "one image of 32x32x3 a call; median and quartiles in milliseconds",
        "data": {"name": data.name, "source": data.source},
        "checksum": data.checksum,
        "budget": {
            "num_representative": NUM_REPRESENTATIVE,
            "rounds": ROUNDS,
            "calls": CALLS,
        },
        **record.conditions("keras", "tensorflow", "ai-edge-litert", "numpy", *present),
        "claims": {claim: measured for claim, (measured, _) in found.items()},
        "runs": runs,
    }
    record.write("tflite_cost", content)
    if not all(holds for _, holds in found.values()):
        sys.exit("A claim does not hold on this machine.")


if __name__ == "__main__":
    main()
