"""Which ingredient of the modern CNN earns its place? One is taken away at a time.

    CNNLAB_DATA=... python -m experiments modern_cnn_ablation_cifar10
    python -m experiments modern_cnn_ablation_scenes

Every arm has the same images, epochs and seeds; one thing differs. Validation selects
the epoch, the test set is read once at the end.
"""

import functools
import time

from cnnlab.start import quiet_start

quiet_start()

import keras

from cnnlab.evaluate.classification import accuracy
from cnnlab.models.modern_cnn import modern_cnn, simple_cnn
from cnnlab.train.fit import train
from cnnlab.train.schedules import plateau_and_stop
from experiments import images
from experiments.harness import Experiment
from experiments.rows import history_columns

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
        "parameters": model.count_params(),
        "test_accuracy": accuracy(logits, labels_test),
        "seconds": round(seconds, 1),
        **history_columns(history),
    }


COMMON = {
    "arms": list(ARMS),
    "seeds": SEEDS,
    "packages": ("keras", keras.backend.backend(), "numpy"),
}
CIFAR10 = Experiment(
    name="modern_cnn_ablation_cifar10",
    question="what each ingredient of the modern CNN is worth",
    run=functools.partial(run, "cifar10"),
    data=lambda: load("cifar10")[-1],
    budget=BUDGETS["cifar10"],
    minutes=45,
    **COMMON,
)
SCENES = Experiment(
    name="modern_cnn_ablation_scenes",
    question="the same on Scenes, at the budget of lesson 02",
    run=functools.partial(run, "scenes"),
    data=lambda: load("scenes")[-1],
    budget=BUDGETS["scenes"],
    minutes=15,
    **COMMON,
)
