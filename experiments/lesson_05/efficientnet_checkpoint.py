"""Trains the small EfficientNet on all of CIFAR-10: the backbone that is always here.

    export CNNLAB_DATA=... KERAS_BACKEND=jax
    python -m experiments efficientnet_checkpoint_cifar10

All 50,000 training images and a budget fixed beforehand: the last epoch counts, the
test set is read once at the end, nothing is selected. Seed 0 becomes
data/checkpoints/efficientnet_small_cifar10.keras, with its card. With JAX it trains on
a GPU where there is one.
"""

import time

from cnnlab.start import quiet_start

quiet_start()

import keras
import numpy as np

from cnnlab import augment
from cnnlab.evaluate.classification import accuracy
from cnnlab.models.efficientnet import efficientnet
from cnnlab.train.batches import Epochs
from cnnlab.train.progress import Progress
from experiments.cards import write_accuracy, write_card
from experiments.conditions import ROOT
from experiments.harness import Experiment
from experiments.lesson_19 import fast_recipe
from experiments.rows import history_columns

BUDGET = {
    "num_train": 50_000,
    "num_test": 10_000,
    "epochs": 24,
    "batch_size": 512,
    "learning_rate": 4e-3,  # of AdamW after a warm-up; a cosine takes it to 0
    "warm_up": 0.1,  # share of the steps
    "weight_decay": 0.05,
    "label_smoothing": 0.1,
    "drop_path": 0.2,
    "shift": 4,  # pixels
    "erased": 12,  # height and width in pixels of the square that is blotted out
    "dtype_policy": "float32",
}
SEEDS = range(3)
CHECKPOINT = ROOT / "data" / "checkpoints" / "efficientnet_small_cifar10.keras"


def build(num_classes=10):
    """Builds the network, without weights."""
    return efficientnet("small", num_classes=num_classes, drop_path=BUDGET["drop_path"])


def optimizer(num_steps):
    """Returns AdamW whose rate rises, then falls along a cosine."""
    warm_up = round(BUDGET["warm_up"] * num_steps)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0,
        num_steps - warm_up,
        warmup_target=BUDGET["learning_rate"],
        warmup_steps=warm_up,
    )
    adamw = keras.optimizers.AdamW(rate, weight_decay=BUDGET["weight_decay"])
    adamw.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    return adamw


def augment_batch(images, indices, epoch, random):
    """Flips and shifts a batch, and blots out a square; as `Epochs` calls it."""
    images = augment.flip(images, random.random(len(images)) < 0.5)
    images = augment.shift(images, BUDGET["shift"], random)
    return augment.erase(images, BUDGET["erased"], random)


def fit(train_set, seed):
    """Trains one seed.

    Args:
        train_set: Images as bytes, and labels.
        seed: Of the weights, the order of images and their augmentation.

    Returns:
        `weights, history, seconds`: what `get_weights` gives, what every epoch told,
        and what fitting took.
    """
    keras.config.set_dtype_policy(BUDGET["dtype_policy"])
    keras.utils.set_random_seed(seed)
    model = build()
    batches = Epochs(*train_set, BUDGET["batch_size"], augment=augment_batch, seed=seed)
    model.compile(
        optimizer(BUDGET["epochs"] * len(batches)),
        keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=BUDGET["label_smoothing"]
        ),
        metrics=["accuracy"],
    )
    started = time.perf_counter()
    history = model.fit(
        batches,
        epochs=BUDGET["epochs"],
        verbose=0,
        callbacks=[Progress(f"seed {seed}")],
    )
    seconds = time.perf_counter() - started
    keras.config.set_dtype_policy("float32")
    return model.get_weights(), history.history, seconds


def run(arm, seed):
    """Trains one seed, saves it if it is the first, and returns its result."""
    train_set, (images_test, labels_test), _ = fast_recipe.load()
    weights, history, seconds = fit(train_set, seed)
    model = build()  # without the optimiser's state
    model.set_weights(weights)
    if seed == SEEDS[0]:
        model.save(CHECKPOINT)
    images_test = images_test / np.float32(255)
    logits = model.predict(images_test, batch_size=500, verbose=0)
    return {
        "parameters": model.count_params(),
        "test_accuracy": accuracy(logits, labels_test),
        "seconds": round(seconds),
        **history_columns(history),
    }


def facts(runs, data):
    """Returns what the card of the committed weights says, as a dict."""
    first = runs[0]
    return {
        "network": '`cnnlab.models.efficientnet.efficientnet("small", num_classes=10)`,'
        f" {first['parameters']:,} parameters: images 32x32x3 in [0, 1] to 10 logits",
        "classes": ", ".join(data.classes),
        "data": f"{data.name} ({data.source}), checksum `{data.checksum}`",
        "licence of the data": data.licence,
        "images": f"{first['num_train']:,} for training, none for validation: the last"
        f" epoch counts; {first['num_test']:,} for the test",
        "recipe": f"AdamW, batch {first['batch_size']}, {first['epochs']} epochs, a"
        f" warm-up to {first['learning_rate']:g} and a cosine to 0, weight decay"
        f" {first['weight_decay']:g}, label smoothing {first['label_smoothing']:g},"
        f" drop path {first['drop_path']:g}; flips, shifts of up to"
        f" {first['shift']} pixels, a square of {first['erased']} blotted out",
        "accuracy on the test set": write_accuracy(runs),
        "hardware": f"{first['hardware']}; beside other work, seed 0 in"
        f" {first['seconds']} s",
        "versions": first["versions"],
        "limits": "made for the lessons: small pictures of these ten classes only",
        "licence of the weights": "CC BY 4.0, as the lessons",
    }


def finish(rows):
    """Writes the card of the committed weights."""
    made = "KERAS_BACKEND=jax python -m experiments efficientnet_checkpoint_cifar10"
    write_card(CHECKPOINT, facts(rows, fast_recipe.load()[-1]), made)


EXPERIMENT = Experiment(
    name="efficientnet_checkpoint_cifar10",
    question="what the small EfficientNet reaches; the weights of seed 0 are committed",
    run=run,
    data=lambda: fast_recipe.load()[-1],
    budget=BUDGET,
    arms=["small EfficientNet"],
    seeds=SEEDS,
    minutes=15,
    device="gpu",
    packages=("keras", keras.backend.backend(), "numpy"),
    finish=finish,
)
