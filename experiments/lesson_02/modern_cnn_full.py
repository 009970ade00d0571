"""What the modern CNN reaches with the whole recipe: up to 100 epochs of CIFAR-10.

    CNNLAB_DATA=... KERAS_BACKEND=jax python -m experiments modern_cnn_full

The budget of `cnnlab run 02 --full`: 45,000 images, the rate halved after 5 epochs
without a lower validation loss, an end after 15 without a higher validation accuracy,
the best epoch restored. The test set is read once at the end. With JAX it trains on a
GPU where there is one; two cores take a night.
"""

import time

from cnnlab.start import quiet_start

quiet_start()

import keras

from cnnlab.evaluate.classification import accuracy
from cnnlab.models.modern_cnn import modern_cnn
from cnnlab.train.fit import train
from cnnlab.train.schedules import plateau_and_stop
from experiments import images
from experiments.harness import Experiment
from experiments.rows import history_columns

BUDGET = {
    "num_train": 45_000,
    "num_val": 5_000,
    "num_test": 10_000,
    "epochs": 100,
    "batch_size": 128,
    "plateau_patience": 5,
    "stop_patience": 15,
}
SEEDS = range(3)


def run(arm, seed):
    """Trains one seed and returns its result as a dict."""
    train_set, val_set, (images_test, labels_test), _ = images.of_budget(
        "cifar10", BUDGET
    )
    keras.utils.set_random_seed(seed)
    model = modern_cnn()
    patiences = BUDGET["plateau_patience"], BUDGET["stop_patience"]
    started = time.perf_counter()
    history = train(
        model,
        train_set,
        val_set,
        epochs=BUDGET["epochs"],
        batch_size=BUDGET["batch_size"],
        callbacks=plateau_and_stop(*patiences),
        name=f"seed {seed}",
    )
    seconds = time.perf_counter() - started
    logits = model.predict(images_test, batch_size=500, verbose=0)
    return {
        "parameters": model.count_params(),
        "test_accuracy": accuracy(logits, labels_test),
        "seconds": round(seconds, 1),
        **history_columns(history),
    }


EXPERIMENT = Experiment(
    name="modern_cnn_full",
    question="what the modern CNN reaches with its whole recipe, up to 100 epochs",
    run=run,
    data=lambda: images.of_budget("cifar10", BUDGET)[-1],
    budget=BUDGET,
    arms=["modern CNN"],
    seeds=SEEDS,
    minutes=15,
    device="gpu",
    packages=("keras", keras.backend.backend(), "numpy"),
)
