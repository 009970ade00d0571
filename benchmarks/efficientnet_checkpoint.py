"""Trains the small EfficientNet on all of CIFAR-10: the backbone that is always here.

    CNNLAB_DATA=... KERAS_BACKEND=jax python benchmarks/efficientnet_checkpoint.py

All 50,000 training images and a budget fixed beforehand: the last epoch counts, the
test set is read once at the end, nothing is selected. Seed 0 becomes
data/checkpoints/efficientnet_small_cifar10.keras, with its card. Each finished run is
written at once to data/records/efficientnet_checkpoint_cifar10.json, and a second start
goes on from there. With JAX it trains on a GPU where there is one.
"""

import time

from cnnlab.start import quiet_start

quiet_start()

import fast_recipe
import keras
import numpy as np
import record
import workers

from cnnlab import augment
from cnnlab.evaluate.classification import accuracy
from cnnlab.models.efficientnet import efficientnet
from cnnlab.train.batches import Epochs
from cnnlab.train.progress import Progress

NAME = "efficientnet_checkpoint_cifar10"
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
CHECKPOINT = record.ROOT / "data" / "checkpoints" / "efficientnet_small_cifar10.keras"


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


def see(images, indices, epoch, random):
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
    batches = Epochs(*train_set, BUDGET["batch_size"], augment=see, seed=seed)
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


def run(seed):
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
        "seed": seed,
        "parameters": model.count_params(),
        "test_accuracy": accuracy(logits, labels_test),
        "seconds": round(seconds),
        "history": record.rounded(history),
    }


def facts(content, data):
    """Returns what the card of the committed weights says, as a dict."""
    runs, budget = content["runs"], content["budget"]
    accuracies = [run["test_accuracy"] for run in runs]
    mean, deviation = np.mean(accuracies), np.std(accuracies, ddof=1)
    return {
        "network": '`cnnlab.models.efficientnet.efficientnet("small", num_classes=10)`,'
        f" {runs[0]['parameters']:,} parameters: images 32x32x3 in [0, 1] to 10 logits",
        "classes": ", ".join(data.classes),
        "data": f"{data.name} ({data.source}), checksum `{data.checksum}`",
        "licence of the data": data.licence,
        "images": f"{budget['num_train']:,} for training, none for validation: the last"
        f" epoch counts; {budget['num_test']:,} for the test",
        "recipe": f"AdamW, batch {budget['batch_size']}, {budget['epochs']} epochs, a"
        f" warm-up to {budget['learning_rate']:g} and a cosine to 0, weight decay"
        f" {budget['weight_decay']:g}, label smoothing {budget['label_smoothing']:g},"
        f" drop path {budget['drop_path']:g}; flips, shifts of up to"
        f" {budget['shift']} pixels, a square of {budget['erased']} blotted out",
        "accuracy on the test set": f"these weights (seed 0)"
        f" {runs[0]['test_accuracy']:.1%}; {len(runs)} seeds {mean:.1%} ±"
        f" {deviation:.1%}",
        "hardware": f"{content['hardware']}; beside other work, seed 0 in"
        f" {runs[0]['seconds']} s",
        "versions": ", ".join(f"{key} {v}" for key, v in content["versions"].items()),
        "limits": "made for the lessons: small pictures of these ten classes only",
        "licence of the weights": "CC BY 4.0, as the lessons",
    }


def main():
    data = fast_recipe.load()[-1]
    libraries = record.conditions("keras", keras.backend.backend(), "numpy")
    content = record.begun(NAME, data, BUDGET, **libraries)
    jobs = [(seed,) for seed in SEEDS]
    workers.complete(NAME, content, run, jobs, lambda run: (run["seed"],))
    made = "KERAS_BACKEND=jax python benchmarks/efficientnet_checkpoint.py"
    record.write_card(CHECKPOINT, facts(content, data), made)


if __name__ == "__main__":
    main()
