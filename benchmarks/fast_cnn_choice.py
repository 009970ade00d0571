"""How wide, and for how long? Chosen for the fast recipe on validation images.

    CNNLAB_DATA=... python benchmarks/fast_cnn_choice.py

45,000 images of CIFAR-10 are learned from and 5,000 of its training images answer; the
test set is not looked at. Accuracy depends on the recipe and not on the machine, so
this may run on a GPU, with KERAS_BACKEND=jax; its seconds say nothing of two cores.
Each finished run is written at once to data/records/fast_cnn_choice.json, and a second
start goes on from there.
"""

from cnnlab.doctor import quiet_start

quiet_start()

import fast_recipe
import keras
import record
import workers

NAME = "fast_cnn_choice"
BUDGET = {"num_train": 45_000, "num_val": 5_000, "batch_size": 512}
SEEDS = range(1)
CHOICES = [  # filters of the blocks, epochs
    ((64, 128, 128), 6),
    ((64, 128, 256), 4),
    ((64, 128, 256), 6),
    ((64, 128, 256), 8),
    ((64, 256, 256), 4),
    ((64, 256, 256), 6),
    ((64, 256, 256), 8),
    ((64, 256, 256), 12),
    ((64, 256, 256), 16),
]


def run(filters, epochs, seed):
    """Trains one choice and returns what it reaches on the validation images."""
    train_set, val_set, _ = fast_recipe.load(BUDGET["num_val"])
    model, seconds = fast_recipe.run(
        train_set,
        seed,
        epochs=epochs,
        batch_size=BUDGET["batch_size"],
        network={"filters": filters},
    )
    return {
        "filters": list(filters),
        "epochs": epochs,
        "seed": seed,
        "parameters": model.count_params(),
        **fast_recipe.accuracies(model, *val_set),
        "seconds": round(seconds, 1),
    }


def identify(run):
    """Returns the job whose result a run is."""
    return tuple(run["filters"]), run["epochs"], run["seed"]


def main():
    libraries = record.conditions("keras", keras.backend.backend(), "numpy")
    data = fast_recipe.load(BUDGET["num_val"])[-1]
    content = record.begun(NAME, data, BUDGET, **libraries)
    jobs = [(*choice, seed) for seed in SEEDS for choice in CHOICES]
    workers.complete(NAME, content, run, jobs, identify)


if __name__ == "__main__":
    main()
