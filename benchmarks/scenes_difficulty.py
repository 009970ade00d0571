"""How hard is Scenes? A linear classifier and the modern CNN, at a lesson's budget.

Claim: logistic regression on pixels stays under 40 % of the test set even on 8,000
images, and the modern CNN lands between 75 and 92 % at lesson 02's budget, for each
of three seeds. Validation chooses the linear classifier's penalty and the CNN's
epoch; the test set is read once a model. Writes data/records/scenes_difficulty.json;
takes about 12 minutes on one core.
"""

import os
import statistics
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")

from cnnlab.doctor import quiet_start

quiet_start()

import keras
import numpy as np
import record
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from cnnlab.data import scenes
from cnnlab.models.modern_cnn import modern_cnn
from cnnlab.train import plateau_and_stop, split, train

NUM_VAL, NUM_TEST = 2_000, 5_000
NUM_LINEAR = 8_000  # training images of the linear classifier
BUDGETS = {  # name: (training images, epochs) of the modern CNN
    "lesson": (6_000, 6),
    "larger": (8_000, 6),
    "smaller": (4_000, 5),
}
PLATEAU_PATIENCE = 2
BATCH_SIZE = 128
SEEDS = (0, 1, 2)
PENALTIES = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3)  # inverse, scikit-learn's `C`
MAX_ITERATIONS = 300


def accuracy(model, images, labels):
    """Returns the share of images that a Keras model classifies correctly."""
    logits = model.predict(images, batch_size=500, verbose=0)
    return float(np.mean(logits.argmax(axis=-1) == labels))


def standardizer(images):
    """Returns a function from images to pixels of mean 0 and deviation 1: `(N, P)`."""
    mean, deviation = images.mean(axis=0), images.std(axis=0) + 1e-6
    return lambda images: ((images - mean) / deviation).reshape(len(images), -1)


def linear(train_set, val_set, test_set):
    """Fits logistic regression for each penalty; tests the best on validation."""
    pixels = standardizer(train_set[0])
    sets = [
        (pixels(images), labels) for images, labels in (train_set, val_set, test_set)
    ]
    models, runs = [], []
    for penalty in PENALTIES:
        start = time.perf_counter()
        model = LogisticRegression(C=penalty, max_iter=MAX_ITERATIONS).fit(*sets[0])
        models.append(model)
        runs.append(
            {
                "C": penalty,
                "train_accuracy": model.score(*sets[0]),
                "val_accuracy": model.score(*sets[1]),
                "seconds": round(time.perf_counter() - start, 1),
            }
        )
        print(f"linear, C={penalty}: validation {runs[-1]['val_accuracy']:.3f}")
    best = int(np.argmax([run["val_accuracy"] for run in runs]))
    return {
        "C": PENALTIES[best],
        "test_accuracy": models[best].score(*sets[2]),
        "runs": runs,
    }


def network(seed, train_set, val_set, test_set, epochs):
    """Trains the modern CNN once; returns its result as a dict."""
    keras.utils.set_random_seed(seed)
    model = modern_cnn()
    start = time.perf_counter()
    history = train(
        model,
        train_set,
        val_set,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        callbacks=plateau_and_stop(PLATEAU_PATIENCE),
        name=f"modern CNN, seed {seed}",
    )
    seconds = time.perf_counter() - start
    return {
        "seed": seed,
        "test_accuracy": accuracy(model, *test_set),
        "seconds": round(seconds, 1),
        "history": {
            key: [round(value, 4) for value in values]
            for key, values in history.items()
        },
    }


def summary(runs):
    """Returns mean and standard deviation of the test accuracies."""
    accuracies = [run["test_accuracy"] for run in runs]
    return {
        "mean": round(statistics.mean(accuracies), 4),
        "deviation": round(statistics.stdev(accuracies), 4),
    }


def networks(name, train_set, val_set, test_set):
    """Trains one network a seed at the budget of this name."""
    num_train, epochs = BUDGETS[name]
    shorter = tuple(field[:num_train] for field in train_set)
    runs = [network(seed, shorter, val_set, test_set, epochs) for seed in SEEDS]
    return {"num_train": num_train, "epochs": epochs, **summary(runs), "runs": runs}


def main():
    """Measures, prints a table, writes the record and checks the claim."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    train_set, test_set, what = scenes.load("embedded", NUM_LINEAR + NUM_VAL, NUM_TEST)
    sets = *split(*train_set, num_val=NUM_VAL), test_set
    content = {
        "data": {"name": what.name, "source": what.source},
        "checksum": what.checksum,
        "num_val": NUM_VAL,
        "num_test": NUM_TEST,
        "batch_size": BATCH_SIZE,
        "plateau_patience": PLATEAU_PATIENCE,
        **record.conditions("keras", "tensorflow", "numpy", "scikit-learn"),
        "threads": 1,
        "linear": linear(*sets),
        "modern_cnn": {name: networks(name, *sets) for name in BUDGETS},
    }
    record.write("scenes_difficulty", content)
    score = content["linear"]["test_accuracy"]
    print(f"linear classifier, {NUM_LINEAR:,} images  {score:.1%}")
    for result in content["modern_cnn"].values():
        budget = f"{result['num_train']:,} images, {result['epochs']} epochs"
        print(f"modern CNN, {budget}  {result['mean']:.1%} ± {result['deviation']:.1%}")
    runs = content["modern_cnn"]["lesson"]["runs"]
    if score >= 0.40 or not all(0.75 <= run["test_accuracy"] <= 0.92 for run in runs):
        sys.exit("Easier or harder than claimed.")


if __name__ == "__main__":
    main()
