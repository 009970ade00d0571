"""How hard is Scenes for a linear classifier?

Claim: logistic regression on pixels stays under 40 % of the test set. Validation
chooses its penalty; the test set is read once. What the modern CNN reaches at lesson
02's budget stands in data/records/modern_cnn_ablation_scenes.json, whose script also
draws the line to real CIFAR-10. Writes data/records/scenes_difficulty.json.
"""

import sys
import time
import warnings

import numpy as np
import record
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from cnnlab.data import scenes
from cnnlab.train.batches import split

NUM_TRAIN, NUM_VAL, NUM_TEST = 8_000, 2_000, 5_000
PENALTIES = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3)  # inverse, scikit-learn's `C`
MAX_ITERATIONS = 100


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


def main():
    """Measures, writes the record and checks the claim."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    train_set, test_set, data = scenes.load("embedded", NUM_TRAIN + NUM_VAL, NUM_TEST)
    sets = *split(*train_set, num_val=NUM_VAL), test_set
    content = {
        "data": {"name": data.name, "source": data.source},
        "checksum": data.checksum,
        "budget": {"num_train": NUM_TRAIN, "num_val": NUM_VAL, "num_test": NUM_TEST},
        **record.conditions("scikit-learn", "numpy"),
        "linear": linear(*sets),
    }
    record.write("scenes_difficulty", content)
    score = content["linear"]["test_accuracy"]
    print(f"linear classifier, {NUM_TRAIN:,} images: {score:.1%}")
    if score >= 0.40:
        sys.exit("Easier than claimed.")


if __name__ == "__main__":
    main()
