"""What a small 3D network reaches on organs and on furniture, and what it costs.

    CNNLAB_DATA=... python -m experiments volumes_adrenalmnist3d
    CNNLAB_DATA=... python -m experiments volumes_modelnet10

The marks: on AdrenalMNIST3D an area under the ROC curve of 0.90, mean of five seeds;
on ModelNet10 the accuracy of VoxNet, 0.92 (Maturana & Scherer 2015); both within 30
minutes of one core, which is a quarter of an hour of two.

Organs are mirrored along every axis, furniture from left to right alone: it stands on
the floor. Chairs are eight times as many as bathtubs among the training pieces, and
twice as many among the test pieces; so the loss adds the logarithm of each class's
share to the logits, and the network learns what it would if all classes were equally
frequent (Menon et al. 2021, https://arxiv.org/abs/2007.07314).

The last epoch counts, so that nothing is selected, and the test set is read once.
`seconds` are those of the clock, on a machine that did other work
beside; `core_seconds` count the time of one core.
"""

import functools
import time

from cnnlab.start import quiet_start

quiet_start()

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from cnnlab.data import adrenalmnist3d, modelnet10
from cnnlab.evaluate.classification import accuracy, predict
from cnnlab.models.video import cnn3d, frame_average
from cnnlab.train.batches import Epochs
from experiments.harness import Experiment
from experiments.rows import cost_columns, history_columns

BUDGETS = {
    "adrenalmnist3d": {
        "epochs": 16,
        "batch_size": 32,
        "learning_rate": 2e-3,  # of AdamW at the start; a cosine takes it to 0
        "weight_decay": 1e-2,
        "label_smoothing": 0.0,
        "filters": [16, 32, 64],
        "pixels": 2,  # a volume is shifted by so many at most, along every axis
    },
    "modelnet10": {
        "epochs": 20,
        "batch_size": 32,
        "learning_rate": 2e-3,
        "weight_decay": 1e-2,
        "label_smoothing": 0.1,
        "filters": [16, 48, 96, 96, 128, 128],
        "pixels": 2,
    },
}
SEEDS = {"adrenalmnist3d": range(5), "modelnet10": range(2)}
ARMS = {
    "adrenalmnist3d": ("3D", "slices"),
    "modelnet10": ("mirrored",),
}
POOLS = {"adrenalmnist3d": (2, 2, 2), "modelnet10": (2, 2, 1, 2, 1, 2)}
FLIPS = {"3D": (1, 2, 3), "slices": (1, 2, 3), "mirrored": (1,)}
LOADERS = {"adrenalmnist3d": adrenalmnist3d.load, "modelnet10": modelnet10.load}


@functools.cache
def load(source, name):
    """Loads one of the two data sets, once."""
    return LOADERS[name](source)


def build(name, arm):
    """Builds the network of one arm."""
    shape = load("local", name)[0][0].shape[1:]
    classes = len(load("local", name)[-1].classes)
    filters = BUDGETS[name]["filters"]
    if arm == "slices":
        return frame_average(shape, classes, filters=filters, hidden=64)
    return cnn3d(shape, classes, filters=filters, pools=POOLS[name], hidden=64)


def augment(images, indices, epoch, random, *, arm, pixels):
    """Mirrors volumes along axes at random, and shifts them."""
    flips = random.random((len(images), 3)) < 0.5
    moved = random.integers(-pixels, pixels + 1, (len(images), 3))
    result = np.empty_like(images)
    for row, image in enumerate(images):
        for axis in FLIPS[arm]:
            image = np.flip(image, axis - 1) if flips[row, axis - 1] else image
        result[row] = np.roll(image, moved[row], (0, 1, 2))
    return result


def views(arm):
    """Returns the functions of a batch whose answers are averaged at the end."""
    mirrored = [lambda x: x]
    for axis in FLIPS[arm]:
        mirrored += [
            lambda x, f=f, axis=axis: np.flip(f(x), axis) for f in list(mirrored)
        ]
    return mirrored


def balanced(loss, labels):
    """Makes a loss of logits expect every class equally often."""
    shares = np.bincount(labels) / len(labels)
    more = np.log(shares).astype("float32")
    return lambda truth, logits: loss(truth, logits + more)


def fit(name, arm, seed):
    """Trains one network; returns it and its history with the times."""
    budget = BUDGETS[name]
    epochs = budget["epochs"]
    images, labels = load("local", name)[0]
    keras.utils.set_random_seed(seed)
    model = build(name, arm)
    shake = functools.partial(augment, arm=arm, pixels=budget["pixels"])
    batches = Epochs(images, labels, budget["batch_size"], augment=shake, seed=seed)
    rate = keras.optimizers.schedules.CosineDecay(
        budget["learning_rate"], epochs * len(batches)
    )
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=budget["label_smoothing"]
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=budget["weight_decay"]),
        loss=balanced(loss, labels) if name == "modelnet10" else loss,
        metrics=["accuracy"],
    )
    started, core_started = time.perf_counter(), time.process_time()
    history = model.fit(batches, epochs=epochs, verbose=0).history
    return model, {
        "seconds": round(time.perf_counter() - started, 1),
        "core_seconds": round(time.process_time() - core_started, 1),
        **history_columns(history),
    }


def measure(model, arm, part, images, labels):
    """Returns accuracy and area under the ROC curve, of one view and of all averaged.

    With more than two classes the area is the mean of every class against the rest.
    """
    found = [predict(model, view(images), batch_size=64) for view in views(arm)]
    result = {}
    for key, answers in (("", found[0]), ("averaged_", np.mean(found, axis=0))):
        result[f"{part}_{key}accuracy"] = accuracy(answers, labels)
        scores = answers[:, 1] if answers.shape[1] == 2 else answers
        area = roc_auc_score(labels, scores, multi_class="ovr")
        result[f"{part}_{key}auc"] = round(float(area), 6)
    return result


def run(name, arm, seed):
    """Trains one arm with one seed and returns its result as a dict."""
    _, val_set, test_set, _ = load("local", name)
    model, result = fit(name, arm, seed)
    return {
        **measure(model, arm, "val", *val_set),
        **measure(model, arm, "test", *test_set),
        **result,
    }


def costs(name):
    """Returns the parameters and multiply-accumulates of every arm."""
    return [{"arm": arm, **cost_columns(build(name, arm))} for arm in ARMS[name]]


PACKAGES = ("keras", keras.backend.backend(), "numpy")
GLANDS = Experiment(
    name="volumes_adrenalmnist3d",
    question="what a small 3D network reaches on organs",
    run=functools.partial(run, "adrenalmnist3d"),
    data=lambda: load("local", "adrenalmnist3d")[-1],
    budget=BUDGETS["adrenalmnist3d"],
    arms=ARMS["adrenalmnist3d"],
    seeds=SEEDS["adrenalmnist3d"],
    minutes=15,
    costs=functools.partial(costs, "adrenalmnist3d"),
    packages=PACKAGES,
)
FURNITURE = Experiment(
    name="volumes_modelnet10",
    question="what a small 3D network reaches on furniture",
    run=functools.partial(run, "modelnet10"),
    data=lambda: load("local", "modelnet10")[-1],
    budget=BUDGETS["modelnet10"],
    arms=ARMS["modelnet10"],
    seeds=SEEDS["modelnet10"],
    minutes=45,
    costs=functools.partial(costs, "modelnet10"),
    packages=PACKAGES,
)
