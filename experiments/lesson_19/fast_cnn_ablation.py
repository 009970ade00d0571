"""What is each ingredient of the fast recipe worth? One is left out at a time.

    CNNLAB_DATA=... python -m experiments fast_cnn_ablation

All 50,000 training images of CIFAR-10, the same epochs and seeds for every arm; the
last epoch counts and the test set is read once. Accuracy depends on the recipe and not
on the machine, so this may run on a GPU, with KERAS_BACKEND=jax; its seconds say
nothing of two cores.
"""

from cnnlab.start import quiet_start

quiet_start()

import keras

from experiments.harness import Experiment
from experiments.lesson_19 import fast_recipe

BUDGET = {
    "num_train": 50_000,
    "num_test": 10_000,
    "epochs": 6,
    "batch_size": 512,
    "filters": [64, 256, 256],
}
SEEDS = range(3)
ARMS = {  # name: options of `fast_recipe.run`
    "whole recipe": {},
    "first layer learns": {"network": {"filters_of_patches": None}},
    "kernels start as noise": {"network": {"identity": False}},
    "biases as slow as kernels": {"network": {"bias_speed": 1.0}},
    "ReLU for GELU": {"network": {"activation": "relu"}},
    "flips drawn anew": {"view": {"alternating": False}},
    "no shift": {"view": {"pixels": 0}},
    "labels not smoothed": {"training": {"label_smoothing": 0.0}},
    "no weight averaging": {"training": {"lookahead": False}},
    "no weight decay": {"training": {"weight_decay": 0.0}},
}


def run(arm, seed):
    """Trains one arm with one seed and returns its result as a dict."""
    train_set, test_set, _ = fast_recipe.load()
    options = dict(ARMS[arm])
    network = {"filters": BUDGET["filters"], **options.pop("network", {})}
    model, seconds = fast_recipe.run(
        train_set,
        seed,
        epochs=BUDGET["epochs"],
        batch_size=BUDGET["batch_size"],
        network=network,
        **options,
    )
    return {
        **fast_recipe.accuracies(model, *test_set),
        "seconds": round(seconds, 1),
    }


EXPERIMENT = Experiment(
    name="fast_cnn_ablation",
    question="what each ingredient of the fast recipe is worth",
    run=run,
    data=lambda: fast_recipe.load()[-1],
    budget=BUDGET,
    arms=list(ARMS),
    seeds=SEEDS,
    minutes=15,
    device="gpu",
    packages=("keras", keras.backend.backend(), "numpy"),
)
