"""Trains the modern CNN on a whole data set: the weights that later lessons start from.

    CNNLAB_DATA=... python -m experiments modern_cnn_checkpoint_cifar10
    python -m experiments modern_cnn_checkpoint_scenes

Validation selects the epoch, the test set is read once at the end. Seed 0 becomes
data/checkpoints/modern_cnn_<set>.keras, with its card; other seeds stand beside it, as
..._seed_1.keras and so on, for records that need several.
"""

import functools
import time

from cnnlab.start import quiet_start

quiet_start()

import keras

from cnnlab.evaluate.classification import accuracy
from cnnlab.models.modern_cnn import modern_cnn
from cnnlab.train.fit import train
from cnnlab.train.schedules import plateau_and_stop
from experiments import images
from experiments.cards import write_accuracy, write_card
from experiments.conditions import ROOT
from experiments.harness import Experiment
from experiments.rows import history_columns

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
COMMITTED = ROOT / "data" / "checkpoints"


def checkpoint(name, seed):
    """Returns the path of the weights that one seed gave."""
    suffix = f"_seed_{seed}" if seed else ""
    return COMMITTED / f"modern_cnn_{name}{suffix}.keras"


def load(name):
    """Returns training, validation and test sets and what they are."""
    return images.of_budget(name, BUDGETS[name])


def run(name, arm, seed):
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
        "parameters": bare.count_params(),
        "test_accuracy": accuracy(logits, labels_test),
        "seconds": round(seconds),
        **history_columns(history),
    }


def facts(runs, data):
    """Returns what the card of the committed weights says, as a dict."""
    first = runs[0]
    return {
        "network": "`cnnlab.models.modern_cnn.modern_cnn()`,"
        f" {first['parameters']:,} parameters: images 32x32x3 in [0, 1] to 10 logits",
        "classes": ", ".join(data.classes),
        "data": f"{data.name} ({data.source}), checksum `{data.checksum}`",
        "licence of the data": data.licence,
        "images": f"{first['num_train']:,} for training, {first['num_val']:,} for"
        f" validation, {first['num_test']:,} for the test",
        "recipe": f"AdamW, batch {first['batch_size']}, {first['epochs']} epochs, the"
        f" rate halved after {first['plateau_patience']} epochs without a lower"
        " validation loss, the best epoch by validation accuracy; no augmentation",
        "accuracy on the test set": write_accuracy(runs),
        "hardware": f"{first['hardware']}; one thread, beside other work, seed 0 in"
        f" {first['seconds']} s",
        "versions": first["versions"],
        "limits": "made for the lessons: small pictures of these ten classes only",
        "licence of the weights": "CC BY 4.0, as the lessons",
    }


def finish(name, rows):
    """Writes the card of the committed weights."""
    made = f"python -m experiments modern_cnn_checkpoint_{name}"
    write_card(checkpoint(name, SEEDS[0]), facts(rows, load(name)[-1]), made)


COMMON = {
    "arms": ["modern CNN"],
    "seeds": SEEDS,
    "packages": ("keras", keras.backend.backend(), "numpy"),
}
CIFAR10 = Experiment(
    name="modern_cnn_checkpoint_cifar10",
    question="what the modern CNN reaches with all images; its weights are committed",
    run=functools.partial(run, "cifar10"),
    data=lambda: load("cifar10")[-1],
    budget=BUDGETS["cifar10"],
    minutes=60,
    finish=functools.partial(finish, "cifar10"),
    **COMMON,
)
SCENES = Experiment(
    name="modern_cnn_checkpoint_scenes",
    question="the same on Scenes",
    run=functools.partial(run, "scenes"),
    data=lambda: load("scenes")[-1],
    budget=BUDGETS["scenes"],
    minutes=15,
    finish=functools.partial(finish, "scenes"),
    **COMMON,
)
