"""How much does an accuracy flatter when the test set chose the epoch?

    CNNLAB_DATA=... python benchmarks/test_set_choice.py

The simple CNN learns from 5,000 images of CIFAR-10 for 30 epochs, three times. After
each epoch every test image is answered. Then, as tutorials do, a part of the test set
chooses the epoch and reports its accuracy there; the rest of the test set, which chose
nothing, says how good that epoch really is. Repeated for 200 random parts of each size.
Writes data/records/test_set_choice.json.
"""

from cnnlab.start import quiet_start

quiet_start()

import keras
import numpy as np
import record

from cnnlab.data import cifar10
from cnnlab.models.modern_cnn import simple_cnn
from cnnlab.train.batches import split
from cnnlab.train.fit import train

NUM_TRAIN, NUM_VAL = 5_000, 1_000
EPOCHS = 30
SEEDS = range(3)
SIZES = (100, 250, 500, 1_000, 2_500, 5_000)  # test images that choose
NUM_PARTS = 200


class Answers(keras.callbacks.Callback):
    """Keeps after each epoch which images were answered rightly."""

    def __init__(self, images, labels):
        super().__init__()
        self.images, self.labels, self.right = images, labels, []

    def on_epoch_end(self, epoch, logs=None):
        logits = self.model.predict(self.images, batch_size=1_000, verbose=0)
        self.right.append(logits.argmax(-1) == self.labels)


def answers(seed, train_set, val_set, test_set):
    """Trains once; returns right answers `(epochs, images)` and the history."""
    keras.utils.set_random_seed(seed)
    watch = Answers(*test_set)
    name = f"simple CNN, seed {seed}"
    options = {"epochs": EPOCHS, "callbacks": [watch], "name": name}
    history = train(simple_cnn(), train_set, val_set, **options)
    return np.array(watch.right), history


def choices(right, val_accuracy, size, random):
    """Reports one epoch chosen by a part of the test set, and one by validation."""
    order = random.permutation(right.shape[1])
    part, rest = right[:, order[:size]].mean(1), right[:, order[size:]].mean(1)
    by_test, by_val = part.argmax(), np.argmax(val_accuracy)
    return part[by_test] - rest[by_test], part[by_val] - rest[by_val]


def main():
    train_and_val, test_set, data = cifar10.load("local", num_train=NUM_TRAIN + NUM_VAL)
    sets = (*split(*train_and_val, num_val=NUM_VAL), test_set)
    results, curves = [], []
    for seed in SEEDS:
        right, history = answers(seed, *sets)
        random = np.random.default_rng(seed)
        curves.append(
            {
                "seed": seed,
                "val_accuracy": np.round(history["val_accuracy"], 4).tolist(),
                "test_accuracy": right.mean(1).round(4).tolist(),
            }
        )
        for size in SIZES:
            pairs = [
                choices(right, history["val_accuracy"], size, random)
                for _ in range(NUM_PARTS)
            ]
            by_test, by_val = np.mean(pairs, axis=0).round(5).tolist()
            results.append(
                {"seed": seed, "size": size, "by_test": by_test, "by_val": by_val}
            )
    record.write(
        "test_set_choice",
        {
            "data": {"name": data.name, "source": data.source},
            "checksum": data.checksum,
            "budget": {"num_train": NUM_TRAIN, "epochs": EPOCHS, "parts": NUM_PARTS},
            **record.conditions("keras", "tensorflow", "numpy"),
            "curves": curves,
            "flattery": results,
        },
    )


if __name__ == "__main__":
    main()
