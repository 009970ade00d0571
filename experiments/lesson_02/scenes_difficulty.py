"""How hard is Scenes for a linear classifier?

    python -m experiments scenes_difficulty

Claim: logistic regression on pixels stays under 40 % of the test set. Validation
chooses its penalty; the test set is read once. What the modern CNN reaches at lesson
02's budget stands in the record modern_cnn_ablation_scenes, whose script also draws the
line to real CIFAR-10.
"""

import sys
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from cnnlab.data import scenes
from cnnlab.train.batches import split
from experiments.harness import Experiment

NUM_TRAIN, NUM_VAL, NUM_TEST = 8_000, 2_000, 5_000
PENALTIES = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3)  # inverse, scikit-learn's `C`
MAX_ITERATIONS = 100


def standardizer(images):
    """Returns a function from images to pixels of mean 0 and deviation 1: `(N, P)`."""
    mean, deviation = images.mean(axis=0), images.std(axis=0) + 1e-6
    return lambda images: ((images - mean) / deviation).reshape(len(images), -1)


def load():
    """Returns training, validation and test sets and what they are."""
    train_set, test_set, data = scenes.load("embedded", NUM_TRAIN + NUM_VAL, NUM_TEST)
    return *split(*train_set, num_val=NUM_VAL), test_set, data


def run(arm):
    """Fits logistic regression for each penalty; tests the best on validation."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    *sets, _ = load()
    pixels = standardizer(sets[0][0])
    sets = [(pixels(images), labels) for images, labels in sets]
    models, rows = [], []
    for penalty in PENALTIES:
        started = time.perf_counter()
        model = LogisticRegression(C=penalty, max_iter=MAX_ITERATIONS).fit(*sets[0])
        models.append(model)
        rows.append(
            {
                "C": penalty,
                "train_accuracy": model.score(*sets[0]),
                "val_accuracy": model.score(*sets[1]),
                "test_accuracy": None,
                "seconds": round(time.perf_counter() - started, 1),
            }
        )
    best = int(np.argmax([row["val_accuracy"] for row in rows]))
    rows[best]["test_accuracy"] = models[best].score(*sets[2])
    return rows


def finish(rows):
    """Checks the claim."""
    (score,) = [row["test_accuracy"] for row in rows if row["test_accuracy"]]
    print(f"linear classifier, {NUM_TRAIN:,} images: {score:.1%}")
    if score >= 0.40:
        sys.exit("Easier than claimed.")


EXPERIMENT = Experiment(
    name="scenes_difficulty",
    question="how hard Scenes is for a linear classifier",
    run=run,
    data=lambda: load()[-1],
    budget={"num_train": NUM_TRAIN, "num_val": NUM_VAL, "num_test": NUM_TEST},
    arms=["logistic regression"],
    minutes=3,
    packages=("scikit-learn", "numpy"),
    finish=finish,
)
