"""What does the head that is thrown away know, where its classes are needed again?

    CNNLAB_DATA=... python -m experiments transfer_kept_rates
    CNNLAB_DATA=... python -m experiments transfer_kept_head
    CNNLAB_DATA=... python -m experiments transfer_kept_tuning_rates

Ants and bees are two of the thousand classes of ImageNet. Their columns of MobileNet
0.75's own classifier are the head here, in place of one that knows nothing: untrained,
then trained on with the backbone frozen, then fine-tuned with all of it. Photographs,
labels of each seed and budget are those of transfer_labels.py, and so its record has
the other ways to the same network.

`transfer_kept_rates` chose the rate at which the head trains on: five folds of the
training images, each held out once, and no validation image. The best mean counts, at a
tie the smaller rate. The network may have been trained on these very images, held-out
ones included, so that its untrained columns may look better here than on others.

`transfer_kept_head` fine-tunes at 1e-5, which was chosen for a new head. When its
validation images spoke against it, `transfer_kept_tuning_rates` asked in the same
folds, and by the same rule, which of the two rates that did a new head no harm the kept
head bears: 1e-5 again.

Ants and bees have no test images: their validation images are read once a network.
"""

import functools
import time

from cnnlab.start import quiet_start

quiet_start()

import keras
import numpy as np
from keras import layers

from cnnlab.data import pretrained
from cnnlab.evaluate.classification import accuracy
from cnnlab.models.backbone import backbone, freeze, with_head
from experiments.harness import Experiment
from experiments.lesson_05 import transfer_labels
from experiments.lesson_05.transfer_labels import (
    choose,
    fit,
    held_out,
    labelled,
    load,
)

NAME = "ants_and_bees"
FAMILY = transfer_labels.SETTINGS[NAME][1]
OLD_CLASSES = ["ant", "bee"]  # of ImageNet, in the order of ours
KEPT, TUNED = "kept head", "kept head, fine-tuned"
RATES = (0, 1e-5, 1e-4, 1e-3, 1e-2)  # at 0 the head stays as it was published
TUNING_RATES = (1e-6, 1e-5)
NUM_FOLDS = 5
EPOCHS = {KEPT: 20, TUNED: 3}
LEARNING_RATES = {KEPT: 1e-5, TUNED: 1e-5}
BUDGET = {
    key: transfer_labels.SHARED[key] for key in ("images_per_epoch", "batch_size")
}
NUM_LABELS = transfer_labels.NUM_LABELS[NAME]
SEEDS = transfer_labels.SEEDS


def describe_head():
    """Returns the columns that say from which weights and head a run starts."""
    _, head = pretrained.load_head("local", FAMILY, OLD_CLASSES)
    published = {"head_classes": list(head.classes), "head_checksum": head.checksum}
    return {**transfer_labels.describe_weights(NAME), **published}


def build():
    """Builds the frozen network whose head is made of the old columns."""
    *_, data, path, _ = load(NAME)
    columns, _ = pretrained.load_head("local", FAMILY, OLD_CLASSES)
    base = backbone(FAMILY, path)
    model = with_head(base, len(data.classes), weights=columns)
    freeze(model)
    return model


@functools.cache
def features():
    """Returns the features of the training images and of their mirror images."""
    (images, _), *_ = load(NAME)
    model = build()
    pooled = keras.Model(model.input, model.get_layer("pooled").output)
    return [pooled.predict(x, verbose=0) for x in (images, images[:, :, ::-1])]


def train_head(model, chosen, seed, learning_rate=LEARNING_RATES[KEPT]):
    """Trains the head on the kept features of some training images, and mirrored."""
    labels = load(NAME)[0][1][chosen]
    rows = np.concatenate([each[chosen] for each in features()])
    inputs = keras.Input(rows.shape[1:])
    alone = keras.Model(inputs, model.get_layer("head")(layers.Dropout(0.2)(inputs)))
    fit(alone, (rows, np.tile(labels, 2)), seed, EPOCHS[KEPT], learning_rate)


def fold_of(fold):
    """Returns which training images are learned from, and which are held out."""
    num_images = len(load(NAME)[0][1])
    held = np.random.default_rng(0).permutation(num_images) % NUM_FOLDS == fold
    return np.flatnonzero(~held), np.flatnonzero(held)


def try_rate(arm, learning_rate, fold):
    """Trains the head on at one rate; returns the accuracy on the fold held out."""
    labels = load(NAME)[0][1]
    chosen, out = fold_of(fold)
    keras.utils.set_random_seed(fold)
    model = build()
    if learning_rate:
        train_head(model, chosen, fold, learning_rate)
    kernel, bias = model.get_layer("head").get_weights()
    found = accuracy(features()[0][out] @ kernel + bias, labels[out])
    result = {"images": len(out), "held_out_accuracy": round(found, 4)}
    return {"seed": fold, **result, **describe_head()}


def try_tuning(arm, learning_rate, fold):
    """Fine-tunes at one rate after the head; returns the same of the fold held out."""
    images, labels = load(NAME)[0]
    chosen, out = fold_of(fold)
    keras.utils.set_random_seed(fold)
    model = build()
    train_head(model, chosen, fold)
    freeze(model, frozen=False)
    train_set = labelled((images[chosen], labels[chosen]), None, fold)
    fit(model, train_set, fold, EPOCHS[TUNED], learning_rate)
    found = held_out(model, images[out], labels[out])
    result = {"images": len(out), "held_out_accuracy": found}
    return {"seed": fold, **result, **describe_head()}


def run(labels_per_class, seed):
    """Trains the kept head on, then fine-tunes; 0 labels leave it as it was."""
    train_set, val_set, *_ = load(NAME)
    features()  # before the clock starts
    keras.utils.set_random_seed(seed)
    model = build()
    if labels_per_class == 0:
        untrained = {"seconds": 0.0, "epochs": 0, "learning_rate": 0}
        found = {"val_accuracy": held_out(model, *val_set), **untrained}
        return [{"arm": KEPT, **found, **describe_head()}]
    chosen = choose(train_set[1], labels_per_class, seed)
    mirrored = labelled(train_set, labels_per_class, seed)
    rows = []
    for arm in (KEPT, TUNED):
        started = time.perf_counter()
        if arm == KEPT:
            train_head(model, chosen, seed)
        else:
            freeze(model, frozen=False)
            fit(model, mirrored, seed, EPOCHS[TUNED], LEARNING_RATES[TUNED])
        seconds = round(time.perf_counter() - started, 1)
        spent = {"epochs": EPOCHS[arm], "learning_rate": LEARNING_RATES[arm]}
        found = {"val_accuracy": held_out(model, *val_set), "seconds": seconds}
        rows.append({"arm": arm, **found, **spent, **describe_head()})
    return rows


COMMON = {
    "data": lambda: load(NAME)[2],
    "packages": transfer_labels.PACKAGES,
}
KEPT_RATES = Experiment(
    name="transfer_kept_rates",
    question="at which rate ImageNet's own columns may be trained on",
    run=try_rate,
    budget=BUDGET | {"epochs": EPOCHS[KEPT]},
    arms=[
        {"arm": KEPT, "learning_rate": rate, "fold": fold}
        for fold in range(NUM_FOLDS)
        for rate in RATES
    ],
    minutes=3,
    **COMMON,
)
KEPT_HEAD = Experiment(
    name="transfer_kept_head",
    question="what ImageNet's own columns for ants and bees are worth as a head, "
    "untrained and trained on",
    run=run,
    budget=BUDGET,
    arms=[
        {"labels_per_class": 0, "seed": 0},
        *(
            {"labels_per_class": num, "seed": seed}
            for seed in SEEDS
            for num in NUM_LABELS
        ),
    ],
    minutes=30,
    **COMMON,
)
KEPT_TUNING_RATES = Experiment(
    name="transfer_kept_tuning_rates",
    question="at which rate the network under these columns may be fine-tuned",
    run=try_tuning,
    budget=BUDGET
    | {
        "epochs": EPOCHS[TUNED],
        "epochs_of_head": EPOCHS[KEPT],
        "learning_rate_of_head": LEARNING_RATES[KEPT],
    },
    arms=[
        {"arm": TUNED, "learning_rate": rate, "fold": fold}
        for fold in range(NUM_FOLDS)
        for rate in TUNING_RATES
    ],
    minutes=10,
    **COMMON,
)
