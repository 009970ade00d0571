"""Which ingredient of the modern CNN earns its place? One is taken away at a time.

    CNNLAB_DATA=... python benchmarks/modern_cnn_ablation.py cifar10
    python benchmarks/modern_cnn_ablation.py scenes

Every arm has the same images, epochs and seeds; one thing differs. Validation selects
the epoch, the test set is read once at the end. Each finished run is written at once
to data/records/modern_cnn_ablation_<set>.json, and a second start goes on from there.
CONTRIBUTING.md says how long that takes.
"""

import argparse
import time

from cnnlab.start import quiet_start

quiet_start()

import images
import keras
import record
import workers

from cnnlab.evaluate.classification import accuracy
from cnnlab.models.modern_cnn import modern_cnn, simple_cnn
from cnnlab.train.fit import train
from cnnlab.train.schedules import plateau_and_stop

BUDGETS = {
    "cifar10": {
        "num_train": 10_000,
        "num_val": 2_500,
        "num_test": 10_000,
        "epochs": 10,
        "batch_size": 128,
        "plateau_patience": 2,
        "stop_patience": 15,
    },
    "scenes": {  # what lesson 02 spends on one network
        "num_train": 6_000,
        "num_val": 1_000,
        "num_test": 5_000,
        "epochs": 5,
        "batch_size": 128,
        "plateau_patience": 2,
        "stop_patience": 15,
    },
}
SEEDS = range(3)
ARMS = {  # name: (options of the network, optimiser, callbacks?)
    "modern CNN": ({}, "adamw", True),
    "no batch normalisation": ({"normalize": False}, "adamw", True),
    "ReLU for swish": ({"activation": "relu"}, "adamw", True),
    "flatten for global pooling": ({"pool": "flatten"}, "adamw", True),
    "Adam for AdamW": ({}, "adam", True),
    "no dropout, no L2": ({"regularize": False}, "adamw", True),
    "no callbacks": ({}, "adamw", False),
    "simple CNN": (None, "adamw", True),
}


def load(name):
    """Returns training, validation and test sets and what they are."""
    return images.of_budget(name, BUDGETS[name])


def run(name, arm, seed):
    """Trains one arm with one seed and returns its result as a dict."""
    train_set, val_set, (images_test, labels_test), _ = load(name)
    budget = BUDGETS[name]
    options, optimizer, with_callbacks = ARMS[arm]
    keras.utils.set_random_seed(seed)
    model = simple_cnn() if options is None else modern_cnn(**options)
    patiences = budget["plateau_patience"], budget["stop_patience"]
    started = time.perf_counter()
    history = train(
        model,
        train_set,
        val_set,
        epochs=budget["epochs"],
        batch_size=budget["batch_size"],
        optimizer=optimizer,
        callbacks=plateau_and_stop(*patiences) if with_callbacks else (),
        name=f"{arm}, seed {seed}",
    )
    seconds = time.perf_counter() - started
    logits = model.predict(images_test, batch_size=500, verbose=0)
    return {
        "arm": arm,
        "seed": seed,
        "parameters": model.count_params(),
        "test_accuracy": accuracy(logits, labels_test),
        "seconds": round(seconds, 1),
        "history": record.rounded(history),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=BUDGETS)
    name = parser.parse_args().data
    data = load(name)[-1]
    recorded = f"modern_cnn_ablation_{name}"
    libraries = record.conditions("keras", keras.backend.backend(), "numpy")
    content = record.begun(recorded, data, BUDGETS[name], **libraries)
    jobs = [(name, arm, seed) for seed in SEEDS for arm in ARMS]
    workers.complete(
        recorded, content, run, jobs, lambda run: (name, run["arm"], run["seed"])
    )


if __name__ == "__main__":
    main()
