"""Trains the modern CNN on a whole data set: the weights that later lessons start from.

    CNNLAB_DATA=... python benchmarks/modern_cnn_checkpoint.py cifar10
    python benchmarks/modern_cnn_checkpoint.py scenes

Validation selects the epoch, the test set is read once at the end. Seed 0 becomes
data/checkpoints/modern_cnn_<set>.keras, with its card; other seeds stand beside it, as
..._seed_1.keras and so on, for records that need several. Each finished run is written
at once to data/records/modern_cnn_checkpoint_<set>.json, and a second start goes on.
"""

import argparse
import time

from cnnlab.start import quiet_start

quiet_start()

import images
import keras
import numpy as np
import record
import workers

from cnnlab.evaluate.classification import accuracy
from cnnlab.models.modern_cnn import modern_cnn
from cnnlab.train.fit import train
from cnnlab.train.schedules import plateau_and_stop

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


def load(name):
    """Returns training, validation and test sets and what they are."""
    return images.of_budget(name, BUDGETS[name])


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
        "history": record.rounded(history),
    }


def facts(content, data):
    """Returns what the card of the committed weights says, as a dict."""
    runs, budget = content["runs"], content["budget"]
    accuracies = [run["test_accuracy"] for run in runs]
    mean, deviation = np.mean(accuracies), np.std(accuracies, ddof=1)
    return {
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=BUDGETS)
    name = parser.parse_args().data
    data = load(name)[-1]
    recorded = f"modern_cnn_checkpoint_{name}"
    libraries = record.conditions("keras", keras.backend.backend(), "numpy")
    content = record.begun(recorded, data, BUDGETS[name], **libraries)
    jobs = [(name, seed) for seed in SEEDS]
    workers.complete(recorded, content, run, jobs, lambda run: (name, run["seed"]))
    made = f"python benchmarks/modern_cnn_checkpoint.py {name}"
    record.write_card(checkpoint(name, SEEDS[0]), facts(content, data), made)


if __name__ == "__main__":
    main()
