"""What does the head that is thrown away know, where its classes are needed again?

    CNNLAB_DATA=... python benchmarks/transfer_kept_head.py rates
    CNNLAB_DATA=... python benchmarks/transfer_kept_head.py labels
    CNNLAB_DATA=... python benchmarks/transfer_kept_head.py tuning_rates

Ants and bees are two of the thousand classes of ImageNet. Their columns of MobileNet
0.75's own classifier are the head here, in place of one that knows nothing: untrained,
then trained on with the backbone frozen, then fine-tuned with all of it. Photographs,
labels of each seed and budget are those of transfer_labels.py, and so its record has
the other ways to the same network.

`rates` chose the rate at which the head trains on: five folds of the training images,
each held out once, and no validation image. The best mean counts, at a tie the smaller
rate. The network may have been trained on these very images, held-out ones included, so
that its untrained columns may look better here than on others.

`labels` fine-tunes at 1e-5, which was chosen for a new head. When its validation images
spoke against it, `tuning_rates` asked in the same folds, and by the same rule, which of
the two rates that did a new head no harm the kept head bears: 1e-5 again.

Ants and bees have no test images: their validation images are read once a network.
Each finished run is written at once to data/records/ (`RECORDS` has the names), and a
second start goes on from there.
"""

import argparse
import functools
import operator
import time

from cnnlab.start import quiet_start

quiet_start()

import keras
import numpy as np
import record
import transfer_labels
import workers
from keras import layers
from transfer_labels import choose, fit, held_out, labelled, load

from cnnlab.data import pretrained
from cnnlab.evaluate.classification import accuracy
from cnnlab.models.backbone import backbone, freeze, with_head

NAME = "ants_and_bees"
FAMILY = transfer_labels.SETTINGS[NAME][1]
OLD_CLASSES = ["ant", "bee"]  # of ImageNet, in the order of ours
KEPT, TUNED = "kept head", "kept head, fine-tuned"
FRAME = {
    key: transfer_labels.BUDGETS[NAME][key]
    for key in ("labels_per_class", "images_per_epoch", "batch_size")
}
RATES = (0, 1e-5, 1e-4, 1e-3, 1e-2)  # at 0 the head stays as it was published
TUNING_RATES = (1e-6, 1e-5)
NUM_FOLDS = 5
RECORDS = {
    "rates": "transfer_kept_rates",
    "labels": "transfer_kept_head",
    "tuning_rates": "transfer_kept_tuning_rates",
}
BUDGETS = {
    "rates": FRAME | {"epochs": {KEPT: 20}, "rates": list(RATES), "folds": NUM_FOLDS},
    "labels": FRAME
    | {"epochs": {KEPT: 20, TUNED: 3}, "rates": {KEPT: 1e-5, TUNED: 1e-5}},
}
BUDGETS["tuning_rates"] = BUDGETS["labels"] | {
    "rates": {KEPT: 1e-5, TUNED: list(TUNING_RATES)},
    "folds": NUM_FOLDS,
}
SEEDS = transfer_labels.SEEDS


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


def train_head(model, chosen, seed, budget, rate=None):
    """Trains the head on the kept features of some training images, and mirrored."""
    labels = load(NAME)[0][1][chosen]
    rows = np.concatenate([each[chosen] for each in features()])
    inputs = keras.Input(rows.shape[1:])
    alone = keras.Model(inputs, model.get_layer("head")(layers.Dropout(0.2)(inputs)))
    fit(alone, KEPT, (rows, np.tile(labels, 2)), seed, budget, rate)


def fold_of(fold):
    """Returns which training images are learned from, and which are held out."""
    num_images = len(load(NAME)[0][1])
    held = np.random.default_rng(0).permutation(num_images) % NUM_FOLDS == fold
    return np.flatnonzero(~held), np.flatnonzero(held)


def try_rate(rate, fold):
    """Trains the head on at one rate; tells the accuracy on the fold held out."""
    labels = load(NAME)[0][1]
    chosen, out = fold_of(fold)
    keras.utils.set_random_seed(fold)
    model = build()
    if rate:
        train_head(model, chosen, fold, BUDGETS["rates"], rate)
    kernel, bias = model.get_layer("head").get_weights()
    found = accuracy(features()[0][out] @ kernel + bias, labels[out])
    print(f"rate {rate}, fold {fold}: {found:.3f}", flush=True)
    return {"rate": rate, "fold": fold, "images": len(out), "accuracy": round(found, 4)}


def try_tuning(rate, fold):
    """Fine-tunes at one rate after the head; tells the same of the fold held out."""
    images, labels = load(NAME)[0]
    chosen, out = fold_of(fold)
    keras.utils.set_random_seed(fold)
    model = build()
    train_head(model, chosen, fold, BUDGETS["labels"])
    freeze(model, frozen=False)
    train_set = labelled((images[chosen], labels[chosen]), None, fold)
    fit(model, TUNED, train_set, fold, BUDGETS["labels"], rate)
    found = held_out(model, images[out], labels[out])
    print(f"fine-tuned at {rate}, fold {fold}: {found:.3f}", flush=True)
    return {"rate": rate, "fold": fold, "images": len(out), "accuracy": found}


def run(per_class, seed):
    """Trains the kept head on, then fine-tunes; 0 labels leave it as it was."""
    train_set, val_set, *_ = load(NAME)
    budget = BUDGETS["labels"]
    result = {"labels_per_class": per_class, "seed": seed}

    def measure(model, way, started):
        seconds = round(time.perf_counter() - started, 1)
        value = held_out(model, *val_set)
        result[way] = {"val_accuracy": value, "seconds": seconds}
        print(f"{per_class} labels, seed {seed}: {way} {value:.3f}", flush=True)

    features()  # before the clock starts
    keras.utils.set_random_seed(seed)
    model = build()
    started = time.perf_counter()
    if per_class != 0:
        chosen = choose(train_set[1], per_class, seed)
        train_head(model, chosen, seed, budget)
    measure(model, KEPT, started)
    if per_class != 0:
        freeze(model, frozen=False)
        started = time.perf_counter()
        fit(model, TUNED, labelled(train_set, per_class, seed), seed, budget)
        measure(model, TUNED, started)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=BUDGETS)
    what = parser.parse_args().what
    *_, data, _, weights = load(NAME)
    _, head = pretrained.load_head("local", FAMILY, OLD_CLASSES)
    content = record.begun(
        RECORDS[what],
        data,
        BUDGETS[what],
        backbone={"name": weights.name, "checksum": weights.checksum},
        head={"classes": list(head.classes), "checksum": head.checksum},
        **record.conditions("keras", keras.backend.backend(), "numpy", "pillow"),
    )
    if what == "labels":
        sizes = BUDGETS[what]["labels_per_class"]
        jobs = [(0, 0)] + [(size, seed) for seed in SEEDS for size in sizes]
        work, keys = run, ("labels_per_class", "seed")
    else:
        work, rates = try_rate, RATES
        if what == "tuning_rates":
            work, rates = try_tuning, TUNING_RATES
        jobs = [(rate, fold) for fold in range(NUM_FOLDS) for rate in rates]
        keys = ("rate", "fold")
    identify = operator.itemgetter(*keys)
    workers.complete(RECORDS[what], content, work, jobs, identify)


if __name__ == "__main__":
    main()
