"""What is a pretrained network worth, over the number of labels a class?

    CNNLAB_DATA=... python benchmarks/transfer_labels.py ants_and_bees
    python benchmarks/transfer_labels.py scenes
    CNNLAB_DATA=... python benchmarks/transfer_labels.py rates

Three ways to the same network: a new head on the frozen backbone; then the backbone
unfrozen, at a low rate and with frozen normalisation; and the whole of it from random
weights. Ants and bees stand on MobileNet 0.75 with ImageNet weights at 224 pixels (from
scratch, at a quarter of the cost and so for more epochs, 112), Scenes on the small
EfficientNet that was trained on CIFAR-10 at 32. All ways draw their images evenly from
the labelled ones, half of them mirrored; the last epoch counts, so nothing is selected.
`rates` chose the rate of fine-tuning on ants and bees, on 64 of the training images and
without the validation images; the other rates were tried on training images alone, too.

Ants and bees have no test images: their validation images are read once a network.
Each finished run is written at once to data/records/transfer_labels_<set>.json, and a
second start goes on from there.
"""

import argparse
import functools
import time

from cnnlab.start import quiet_start

quiet_start()

import keras
import numpy as np
import record
import workers
from images import shrunk
from keras import layers

from cnnlab.data import hymenoptera, pretrained
from cnnlab.evaluate.classification import accuracy
from cnnlab.models.backbone import backbone, freeze, with_head
from cnnlab.train.batches import split

SETTINGS = {  # set: (source of the images, backbone, its source, pixels)
    "ants_and_bees": ("local", "MobileNet 0.75", "local", 224),
    "scenes": ("embedded", "EfficientNet small", "embedded", 32),
}
RATES_BUDGET = {
    "labels_per_class": [5, 10, 20, 50, None],  # None: all
    "images_per_epoch": 320,  # drawn from the labelled ones
    "batch_size": 16,
    "epochs": {"frozen": 20, "fine-tuned": 3, "from scratch": 6},
    "rates": {"frozen": 1e-3, "fine-tuned": 1e-5, "from scratch": 1e-3},
    "momentum_from_scratch": 0.9,  # of batch normalisation, for so few steps
}
BUDGETS = {
    "ants_and_bees": RATES_BUDGET
    | {
        "epochs": {"frozen": 20, "fine-tuned": 3, "from scratch": 10},
        "rates": {"frozen": 1e-2, "fine-tuned": 1e-5, "from scratch": 1e-3},
        "pixels_from_scratch": 112,  # at a quarter of the cost
    },
    "scenes": RATES_BUDGET
    | {
        "labels_per_class": [5, 10, 20, 50],
        "epochs": {"frozen": 20, "fine-tuned": 3, "from scratch": 10},
        "rates": {"frozen": 1e-2, "fine-tuned": 1e-3, "from scratch": 1e-3},
        "pixels_from_scratch": 32,
    },
    "rates": RATES_BUDGET,
}
SEEDS = range(3)
RATES = (1e-6, 1e-5, 1e-4, 1e-3)
NUM_HELD_OUT = 64


@functools.cache
def load(name):
    """Returns training and validation set, weights and what all of them are."""
    source, _, where, pixels = SETTINGS[name]
    network = None if where == "embedded" else SETTINGS[name][1]
    return *hymenoptera.load(source, pixels), *pretrained.load(where, network)


def choose(labels, per_class, seed):
    """Returns the positions of so many images of each class, or of all."""
    order = np.random.default_rng(seed).permutation(len(labels))
    chosen = [order[labels[order] == label][:per_class] for label in np.unique(labels)]
    return np.concatenate(chosen)


def labelled(train_set, per_class, seed):
    """Chooses so many labelled images of each class, or all, and mirrors each."""
    images, labels = train_set
    chosen = choose(labels, per_class, seed)
    images, labels = images[chosen], labels[chosen]
    return np.concatenate([images, images[:, :, ::-1]]), np.tile(labels, 2)


def fit(model, way, train_set, seed, budget, rate=None):
    """Trains a model in one of the three ways; returns the seconds that it took."""
    started = time.perf_counter()
    images, labels = train_set
    random = np.random.default_rng(seed)
    model.compile(
        optimizer=keras.optimizers.AdamW(rate or budget["rates"][way]),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    num_images = budget["images_per_epoch"]
    for _ in range(budget["epochs"][way]):
        rounds = [
            random.permutation(len(images))
            for _ in range(num_images // len(images) + 1)
        ]
        drawn = np.concatenate(rounds)[:num_images]  # each as often as any other
        model.fit(
            images[drawn],
            labels[drawn],
            batch_size=budget["batch_size"],
            verbose=0,
        )
    return round(time.perf_counter() - started, 1)


def fit_head(model, train_set, seed, budget):
    """Trains the head on features that are computed once; returns seconds."""
    started = time.perf_counter()
    images, labels = train_set
    pooled = keras.Model(model.input, model.get_layer("pooled").output)
    features = pooled.predict(images, verbose=0)
    head = model.get_layer("head")
    inputs = keras.Input(features.shape[1:])
    alone = keras.Model(inputs, head(layers.Dropout(0.2)(inputs)))
    fit(alone, "frozen", (features, labels), seed, budget)
    return round(time.perf_counter() - started, 1)


def build(name, path, num_classes):
    """Builds the network of a setting, from weights or, for None, from scratch."""
    _, family, _, pixels = SETTINGS[name]
    if path is None:
        pixels = BUDGETS[name]["pixels_from_scratch"]
    model = with_head(backbone(family, path, (pixels, pixels, 3)), num_classes)
    for layer in model.layers if path is None else ():
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = BUDGETS[name]["momentum_from_scratch"]
    return model


def run(name, per_class, seed):
    """Trains all three ways with one choice of labels; returns the results."""
    train_set, val_set, data, path, _ = load(name)
    budget = BUDGETS[name]
    images, labels = labelled(train_set, per_class, seed)
    result = {"labels_per_class": per_class, "seed": seed}

    def measure(model, way, seconds):
        pixels = model.input_shape[1]
        value = held_out(model, shrunk(val_set[0], pixels), val_set[1])
        result[way] = {"val_accuracy": value, "seconds": seconds}
        print(f"{name}, {per_class} labels, seed {seed}: {way} {value:.3f}", flush=True)

    keras.utils.set_random_seed(seed)
    model = build(name, path, len(data.classes))
    freeze(model)
    measure(model, "frozen", fit_head(model, (images, labels), seed, budget))
    freeze(model, frozen=False)
    seconds = fit(model, "fine-tuned", (images, labels), seed, budget)
    measure(model, "fine-tuned", seconds)
    keras.utils.set_random_seed(seed)
    model = build(name, None, len(data.classes))
    images = shrunk(images, model.input_shape[1])
    seconds = fit(model, "from scratch", (images, labels), seed, budget)
    measure(model, "from scratch", seconds)
    return result


def try_rate(rate, seed):
    """Fine-tunes at one rate; tells the accuracies on training images held out."""
    train_set, _, data, path, _ = load("ants_and_bees")
    fit_set, out_set = split(*train_set, NUM_HELD_OUT, seed)
    chosen = labelled(fit_set, None, seed)
    keras.utils.set_random_seed(seed)
    model = build("ants_and_bees", path, len(data.classes))
    freeze(model)
    fit_head(model, chosen, seed, RATES_BUDGET)
    result = {"rate": rate, "seed": seed, "frozen": held_out(model, *out_set)}
    freeze(model, frozen=False)
    fit(model, "fine-tuned", chosen, seed, RATES_BUDGET, rate)
    return result | {"fine-tuned": held_out(model, *out_set)}


def held_out(model, images, labels):
    """Returns the accuracy on images that were not learned from."""
    logits = model.predict(images, batch_size=50, verbose=0)
    return round(accuracy(logits, labels), 4)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=(*SETTINGS, "rates"))
    name = parser.parse_args().data
    *_, data, _, weights = load("ants_and_bees" if name == "rates" else name)
    recorded = "transfer_rates" if name == "rates" else f"transfer_labels_{name}"
    content = record.begun(
        recorded,
        data,
        BUDGETS[name],
        backbone={"name": weights.name, "checksum": weights.checksum},
        **record.conditions("keras", keras.backend.backend(), "numpy", "pillow"),
    )
    if name == "rates":
        jobs = [(rate, seed) for seed in SEEDS for rate in RATES]
        identify = lambda run: (run["rate"], run["seed"])  # noqa: E731
        workers.complete(recorded, content, try_rate, jobs, identify)
    else:
        sizes = BUDGETS[name]["labels_per_class"]
        jobs = [(name, size, seed) for seed in SEEDS for size in sizes]
        identify = lambda run: (name, run["labels_per_class"], run["seed"])  # noqa: E731
        workers.complete(recorded, content, run, jobs, identify)


if __name__ == "__main__":
    main()
