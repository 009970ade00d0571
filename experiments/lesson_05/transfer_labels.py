"""What is a pretrained network worth, over the number of labels a class?

    CNNLAB_DATA=... python -m experiments transfer_labels_ants_and_bees
    python -m experiments transfer_labels_scenes
    CNNLAB_DATA=... python -m experiments transfer_rates

Three ways to the same network: a new head on the frozen backbone; then the backbone
unfrozen, at a low rate and with frozen normalisation; and the whole of it from random
weights. Ants and bees stand on MobileNet 0.75 with ImageNet weights at 224 pixels (from
scratch, at a quarter of the cost and so for more epochs, 112), Scenes on the small
EfficientNet that was trained on CIFAR-10 at 32. All ways draw their images evenly from
the labelled ones, half of them mirrored; the last epoch counts, so nothing is selected.
`transfer_rates` chose the rate of fine-tuning on ants and bees, on 64 of the training
images and without the validation images; the other rates were tried on training images
alone, too.

Ants and bees have no test images: their validation images are read once a network.
"""

import functools
import time

from cnnlab.start import quiet_start

quiet_start()

import keras
import numpy as np
from keras import layers

from cnnlab.data import hymenoptera, pretrained
from cnnlab.evaluate.classification import accuracy
from cnnlab.models.backbone import backbone, freeze, with_head
from cnnlab.train.batches import split
from experiments.harness import Experiment
from experiments.images import shrunk

SETTINGS = {  # set: (source of the images, backbone, its source, pixels)
    "ants_and_bees": ("local", "MobileNet 0.75", "local", 224),
    "scenes": ("embedded", "EfficientNet small", "embedded", 32),
}
SHARED = {
    "images_per_epoch": 320,  # drawn from the labelled ones
    "batch_size": 16,
    "momentum_from_scratch": 0.9,  # of batch normalisation, for so few steps
}
BUDGETS = {
    "ants_and_bees": SHARED | {"pixels_from_scratch": 112},  # at a quarter of the cost
    "scenes": SHARED | {"pixels_from_scratch": 32},
}
NUM_LABELS = {  # a class; None: all
    "ants_and_bees": [5, 10, 20, 50, None],
    "scenes": [5, 10, 20, 50],
}
EPOCHS = {"frozen": 20, "fine-tuned": 3, "from scratch": 10}
LEARNING_RATES = {
    "ants_and_bees": {"frozen": 1e-2, "fine-tuned": 1e-5, "from scratch": 1e-3},
    "scenes": {"frozen": 1e-2, "fine-tuned": 1e-3, "from scratch": 1e-3},
}
SEEDS = range(3)
RATES = (1e-6, 1e-5, 1e-4, 1e-3)  # that fine-tuning tries
RATE_OF_HEAD = 1e-3  # before it
NUM_HELD_OUT = 64


@functools.cache
def load(name):
    """Returns training and validation set, weights and what all of them are."""
    source, _, where, pixels = SETTINGS[name]
    network = None if where == "embedded" else SETTINGS[name][1]
    return *hymenoptera.load(source, pixels), *pretrained.load(where, network)


def describe_weights(name):
    """Returns the columns that say which pretrained weights a run starts from."""
    weights = load(name)[-1]
    return {"backbone": weights.name, "backbone_checksum": weights.checksum}


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


def fit(model, train_set, seed, epochs, learning_rate):
    """Trains a model on images drawn evenly; returns the seconds that it took."""
    started = time.perf_counter()
    images, labels = train_set
    random = np.random.default_rng(seed)
    model.compile(
        optimizer=keras.optimizers.AdamW(learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    num_images = SHARED["images_per_epoch"]
    for _ in range(epochs):
        rounds = [
            random.permutation(len(images))
            for _ in range(num_images // len(images) + 1)
        ]
        drawn = np.concatenate(rounds)[:num_images]  # each as often as any other
        model.fit(
            images[drawn],
            labels[drawn],
            batch_size=SHARED["batch_size"],
            verbose=0,
        )
    return round(time.perf_counter() - started, 1)


def fit_head(model, train_set, seed, learning_rate):
    """Trains the head on features that are computed once; returns seconds."""
    started = time.perf_counter()
    images, labels = train_set
    pooled = keras.Model(model.input, model.get_layer("pooled").output)
    features = pooled.predict(images, verbose=0)
    head = model.get_layer("head")
    inputs = keras.Input(features.shape[1:])
    alone = keras.Model(inputs, head(layers.Dropout(0.2)(inputs)))
    fit(alone, (features, labels), seed, EPOCHS["frozen"], learning_rate)
    return round(time.perf_counter() - started, 1)


def build(name, path, num_classes):
    """Builds the network of a setting, from weights or, for None, from scratch."""
    _, family, _, pixels = SETTINGS[name]
    if path is None:
        pixels = BUDGETS[name]["pixels_from_scratch"]
    model = with_head(backbone(family, path, (pixels, pixels, 3)), num_classes)
    for layer in model.layers if path is None else ():
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = SHARED["momentum_from_scratch"]
    return model


def run(name, labels_per_class, seed):
    """Trains all three ways with one choice of labels; returns a row for each."""
    train_set, val_set, data, path, _ = load(name)
    images, labels = labelled(train_set, labels_per_class, seed)
    rates, rows = LEARNING_RATES[name], []
    from_weights = describe_weights(name)

    def measure(model, way, seconds):
        pixels = model.input_shape[1]
        value = held_out(model, shrunk(val_set[0], pixels), val_set[1])
        spent = {"epochs": EPOCHS[way], "learning_rate": rates[way]}
        rows.append(
            {
                "arm": way,
                "val_accuracy": value,
                "seconds": seconds,
                **spent,
                **from_weights,
            }
        )

    def fit_all(model, way, images):
        return fit(model, (images, labels), seed, EPOCHS[way], rates[way])

    keras.utils.set_random_seed(seed)
    model = build(name, path, len(data.classes))
    freeze(model)
    seconds = fit_head(model, (images, labels), seed, rates["frozen"])
    measure(model, "frozen", seconds)
    freeze(model, frozen=False)
    measure(model, "fine-tuned", fit_all(model, "fine-tuned", images))
    keras.utils.set_random_seed(seed)
    model = build(name, None, len(data.classes))
    images = shrunk(images, model.input_shape[1])
    measure(model, "from scratch", fit_all(model, "from scratch", images))
    return rows


def try_rate(tried_rate, seed):
    """Fine-tunes at one rate; returns accuracies on training images held out."""
    train_set, _, data, path, _ = load("ants_and_bees")
    fit_set, out_set = split(*train_set, NUM_HELD_OUT, seed)
    chosen = labelled(fit_set, None, seed)
    keras.utils.set_random_seed(seed)
    model = build("ants_and_bees", path, len(data.classes))
    freeze(model)
    fit_head(model, chosen, seed, RATE_OF_HEAD)
    rows = []
    for way, rate in (("frozen", RATE_OF_HEAD), ("fine-tuned", tried_rate)):
        if way == "fine-tuned":
            freeze(model, frozen=False)
            fit(model, chosen, seed, EPOCHS[way], rate)
        spent = {"epochs": EPOCHS[way], "learning_rate": rate}
        found = {"held_out_accuracy": held_out(model, *out_set)}
        rows.append({"arm": way, **found, **spent, **describe_weights("ants_and_bees")})
    return rows


def held_out(model, images, labels):
    """Returns the accuracy on images that were not learned from."""
    logits = model.predict(images, batch_size=50, verbose=0)
    return round(accuracy(logits, labels), 4)


PACKAGES = ("keras", keras.backend.backend(), "numpy", "pillow")
ANTS_AND_BEES = Experiment(
    name="transfer_labels_ants_and_bees",
    question="what a pretrained network is worth over the number of labels",
    run=functools.partial(run, "ants_and_bees"),
    data=lambda: load("ants_and_bees")[2],
    budget=BUDGETS["ants_and_bees"],
    arms=[{"labels_per_class": num} for num in NUM_LABELS["ants_and_bees"]],
    seeds=SEEDS,
    minutes=30,
    packages=PACKAGES,
)
SCENES = Experiment(
    name="transfer_labels_scenes",
    question="the same on Scenes",
    run=functools.partial(run, "scenes"),
    data=lambda: load("scenes")[2],
    budget=BUDGETS["scenes"],
    arms=[{"labels_per_class": num} for num in NUM_LABELS["scenes"]],
    seeds=SEEDS,
    minutes=15,
    packages=PACKAGES,
)
TRIED_RATES = Experiment(
    name="transfer_rates",
    question="at which rate a pretrained network may be fine-tuned",
    run=try_rate,
    data=lambda: load("ants_and_bees")[2],
    budget=SHARED,
    arms=[{"tried_rate": rate} for rate in RATES],
    seeds=SEEDS,
    minutes=5,
    packages=PACKAGES,
)
