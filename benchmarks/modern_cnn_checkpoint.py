"""Trains the modern CNN on a whole data set: the weights that later lessons start from.

    CNNLAB_DATA=... python benchmarks/modern_cnn_checkpoint.py cifar10
    python benchmarks/modern_cnn_checkpoint.py scenes

Validation selects the epoch, the test set is read once at the end. Seed 0 becomes
data/checkpoints/modern_cnn_<set>.keras, with its card; other seeds stand beside it, as
..._seed_1.keras and so on, for records that need several. Each finished run is written
at once to data/records/modern_cnn_checkpoint_<set>.json, and a second start goes on.
"""

import argparse
import functools
import hashlib
import sys
import time

from cnnlab.doctor import quiet_start

quiet_start()

import keras
import numpy as np
import record
import workers

from cnnlab.data import cifar10, scenes
from cnnlab.evaluate import accuracy
from cnnlab.models.modern_cnn import modern_cnn
from cnnlab.train import plateau_and_stop, split, train

BUDGETS = {
    "cifar10": {
        "num_train": 45_000,
        "num_val": 5_000,
        "num_test": 10_000,
        "epochs": 20,
        "batch_size": 128,
        "plateau_patience": 2,
        "stop_patience": 15,
    },
    "scenes": {
        "num_train": 20_000,
        "num_val": 2_000,
        "num_test": 5_000,
        "epochs": 10,
        "batch_size": 128,
        "plateau_patience": 2,
        "stop_patience": 15,
    },
}
SEEDS = range(3)
COMMITTED = record.ROOT / "data" / "checkpoints"


def checkpoint(name, seed):
    """Returns the path of the weights that one seed gave."""
    suffix = f"_seed_{seed}" if seed else ""
    return COMMITTED / f"modern_cnn_{name}{suffix}.keras"


@functools.cache
def load(name):
    """Returns training, validation and test sets and what they are."""
    budget = BUDGETS[name]
    sizes = {
        "num_train": budget["num_train"] + budget["num_val"],
        "num_test": budget["num_test"],
    }
    if name == "cifar10":
        train_set, test_set, data = cifar10.load("local", **sizes)
    else:
        train_set, test_set, data = scenes.load("embedded", **sizes)
    return *split(*train_set, num_val=budget["num_val"]), test_set, data


def run(name, seed):
    """Trains one seed, saves it and returns its result as a dict."""
    train_set, val_set, (images_test, labels_test), _ = load(name)
    budget = BUDGETS[name]
    keras.utils.set_random_seed(seed)
    model = modern_cnn()
    started = time.perf_counter()
    history = train(
        model,
        train_set,
        val_set,
        epochs=budget["epochs"],
        batch_size=budget["batch_size"],
        callbacks=plateau_and_stop(budget["plateau_patience"], budget["stop_patience"]),
        name=f"{name}, seed {seed}",
    )
    seconds = time.perf_counter() - started
    bare = modern_cnn()  # without the optimiser's state
    bare.set_weights(model.get_weights())
    COMMITTED.mkdir(parents=True, exist_ok=True)
    bare.save(checkpoint(name, seed))
    logits = bare.predict(images_test, batch_size=500, verbose=0)
    return {
        "seed": seed,
        "parameters": bare.count_params(),
        "test_accuracy": accuracy(logits, labels_test),
        "seconds": round(seconds),
        "history": {
            key: [round(value, 6) for value in values]
            for key, values in history.items()
        },
    }


def card(name, content, data, weights):
    """Returns the page that says where the committed weights come from."""
    runs, budget = content["runs"], content["budget"]
    accuracies = [run["test_accuracy"] for run in runs]
    mean, deviation = np.mean(accuracies), np.std(accuracies, ddof=1)
    rows = {
        "SHA-256": f"`{hashlib.sha256(weights.read_bytes()).hexdigest()}`",
        "network": f"`cnnlab.models.modern_cnn.modern_cnn()`, {runs[0]['parameters']:,}"
        " parameters: images 32x32x3 in [0, 1] to 10 logits",
        "classes": ", ".join(data.classes),
        "data": f"{data.name} ({data.source}), checksum `{data.checksum}`",
        "licence of the data": data.licence,
        "images": f"{budget['num_train']:,} for training, {budget['num_val']:,} for"
        f" validation, {budget['num_test']:,} for the test",
        "recipe": f"AdamW, batch {budget['batch_size']}, {budget['epochs']} epochs, the"
        f" rate halved after {budget['plateau_patience']} epochs without a lower"
        " validation loss, the best epoch by validation accuracy; no augmentation",
        "accuracy on the test set": f"these weights (seed 0)"
        f" {runs[0]['test_accuracy']:.1%}; {len(runs)} seeds {mean:.1%} ±"
        f" {deviation:.1%}",
        "hardware": f"{content['hardware']}; one thread, beside other work, seed 0 in"
        f" {runs[0]['seconds']} s",
        "versions": ", ".join(f"{key} {v}" for key, v in content["versions"].items()),
        "limits": "made for the lessons: small pictures of these ten classes only",
        "licence of the weights": "CC BY 4.0, as the lessons",
    }
    lines = [f"| {key} | {value} |" for key, value in rows.items()]
    return "\n".join(
        [f"# {weights.name}", "", "| what | |", "|---|---|", *lines, ""]
        + [f"Made by `python benchmarks/modern_cnn_checkpoint.py {name}`.", ""]
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=BUDGETS)
    name = parser.parse_args().data
    data = load(name)[-1]
    recorded = f"modern_cnn_checkpoint_{name}"
    fresh = {
        "data": {"name": data.name, "source": data.source},
        "checksum": data.checksum,
        "budget": BUDGETS[name],
        **record.conditions("keras", keras.backend.backend(), "numpy"),
        "runs": [],
    }
    content = record.read(recorded) or fresh
    for key in ("budget", "checksum", "versions"):
        if content[key] != fresh[key]:
            sys.exit(f"{recorded}.json was written with another {key}: {content[key]}")
    finished = {run["seed"] for run in content["runs"]}
    jobs = [(name, seed) for seed in SEEDS if seed not in finished]
    for result in workers.side_by_side(run, jobs):
        content["runs"].append(result)
        content["runs"].sort(key=lambda run: run["seed"])
        record.write(recorded, content)
    weights = checkpoint(name, SEEDS[0])
    weights.with_suffix(".md").write_text(card(name, content, data, weights))


if __name__ == "__main__":
    main()
