"""How wide, for how long, and how small at first? Chosen on validation images.

    CNNLAB_DATA=... python -m experiments fast_cnn_budget

Two cores buy a number of multiply-accumulates, whatever they are spent on: on wide
layers, on many epochs, or on large images. Each choice spends one of the budgets below
and no more. 45,000 images of CIFAR-10 are learned from and 5,000 of its training images
answer; the test set is not looked at. Accuracy depends on the recipe and not on the
machine, so this may run on a GPU, with KERAS_BACKEND=jax; its seconds say nothing of
two cores. So far the record holds a second seed of two choices alone.
"""

from cnnlab.start import quiet_start

quiet_start()

import functools
import itertools

import keras

from cnnlab.evaluate.cost import multiply_accumulates
from cnnlab.models.fast_cnn import fast_cnn
from experiments.harness import Experiment
from experiments.lesson_19 import fast_recipe

BUDGET = {"num_train": 45_000, "num_val": 5_000}
BATCH_SIZE = 512
SEEDS = range(2)
MINUTES = {6: 11.5e12, 10: 19.2e12}  # multiply-accumulates that 50,000 images may take
NARROW = (64, 128, 256)
SHARES = {  # name: height and width of images, and for which share of the epochs
    "full size": {32: 1},
    "25, then full": {25: 1 / 2, 32: 1 / 2},
    "21, then full": {21: 1 / 2, 32: 1 / 2},
    "21 for long": {21: 2 / 3, 32: 1 / 3},
    "17, 25, full": {17: 1 / 3, 25: 1 / 3, 32: 1 / 3},
}
CHOICES = [  # minutes, filters of the blocks, sizes of the images
    *((10, NARROW, shares) for shares in SHARES),
    *((10, (48, 128, 256), shares) for shares in ("full size", "21, then full")),
    (10, (64, 256, 256), "full size"),
    *((6, f, "21, then full") for f in (NARROW, (48, 96, 192), (32, 96, 192))),
]


@functools.cache
def cost(filters, size):
    """Returns the multiply-accumulates of one image, without gradients."""
    return multiply_accumulates(fast_cnn(None, (size, size, 3), filters=filters))


def sizes_of(minutes, filters, shares):
    """Returns the size of each epoch: as many as the budget pays for."""
    longest = []
    for epochs in itertools.count(1):
        ends = [
            round(epochs * s) for s in itertools.accumulate(SHARES[shares].values())
        ]
        sizes = [
            next(s for s, end in zip(SHARES[shares], ends, strict=True) if epoch < end)
            for epoch in range(epochs)
        ]
        if 50_000 * sum(cost(filters, size) for size in sizes) > MINUTES[minutes]:
            return longest
        longest = sizes


def run(arm, minutes, seed):
    """Trains one choice and returns what it reaches on the validation images."""
    filters, shares = NAMED[arm]
    train_set, val_set, _ = fast_recipe.load(BUDGET["num_val"])
    sizes = sizes_of(minutes, filters, shares)
    model, seconds = fast_recipe.run(
        train_set,
        seed,
        epochs=len(sizes),
        batch_size=BATCH_SIZE,
        network={"filters": filters},
        training={"sizes": sizes},
    )
    return {
        **fast_recipe.accuracies(model, *val_set, part="val"),
        "filters": list(filters),
        "shares": shares,
        "batch_size": BATCH_SIZE,
        "sizes": sizes,
        "parameters": model.count_params(),
        "seconds": round(seconds, 1),
    }


def name_choice(filters, shares):
    """Names a choice: `64/128/256, full size`."""
    return f"{'/'.join(map(str, filters))}, {shares}"


NAMED = {name_choice(*choice): choice for _, *choice in CHOICES}
EXPERIMENT = Experiment(
    name="fast_cnn_budget",
    question="whether narrow layers and small images first are the better use of "
    "six or ten minutes",
    run=run,
    data=lambda: fast_recipe.load(BUDGET["num_val"])[-1],
    budget=BUDGET,
    arms=[{"minutes": m, "arm": name_choice(f, s)} for m, f, s in CHOICES],
    seeds=SEEDS,
    minutes=10,
    device="gpu",
    packages=("keras", keras.backend.backend(), "numpy"),
)
