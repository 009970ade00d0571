"""Who runs in the race on processors; `benchmarks/cifar10_race.py` starts them.

    python race_contestants.py NAME SEED BUDGET_AS_JSON

A contestant's clock counts building, compiling and training. Evaluation on the test
set after each epoch selects nothing and is not timed, nor is validation. In Keras the
fast recipe is evaluated from its first epoch on full images: before, an evaluation says
little of them, and its memory would count.
"""

import functools
import json
import re
import sys
from pathlib import Path

from cnnlab.start import quiet_start

quiet_start()

import cv2
import fast_recipe
import keras
import numpy as np
import turns

from cnnlab.models.modern_cnn import modern_cnn
from cnnlab.train.batches import Epochs, split
from cnnlab.train.fit import train
from cnnlab.train.schedules import Triangle, plateau_and_stop

KERAS = {  # name: options of `fast`
    "fast recipe": {"dtype": "mixed_bfloat16"},
    "fast recipe, float32": {"dtype": "float32"},
}
TORCH = {  # name: options of `fast_torch.Training`
    "PyTorch": {},
    "PyTorch, channels last": {"channels_last": True},
    "PyTorch, bfloat16": {"channels_last": True, "dtype": "bfloat16"},
}
NAMES = (*KERAS, "modern CNN", *TORCH)
BFLOAT16 = [
    name
    for name, options in {**KERAS, **TORCH}.items()
    if "bfloat16" in options.get("dtype", "")
]


class Referee(keras.callbacks.Callback):
    """Keeps the clock of a Keras training and tells how far it is.

    Args:
        clock: `turns.Clock`.
        test_set: Images and labels.
        num_blind: Epochs that come first and are not evaluated.
    """

    def __init__(self, clock, test_set, num_blind=0):
        super().__init__()
        self.clock, self.test_set, self.num_blind = clock, test_set, num_blind

    def on_train_batch_end(self, batch, logs=None):
        self.clock.tick()

    def on_test_begin(self, logs=None):
        self.clock.stop()

    def on_test_end(self, logs=None):
        self.clock.start()

    def on_epoch_end(self, epoch, logs=None):
        self.clock.stop()
        is_blind = epoch < self.num_blind
        found = {} if is_blind else fast_recipe.accuracies(self.model, *self.test_set)
        self.clock.tell(seconds=round(self.clock.seconds, 1), **found)
        self.clock.start()


def load(budget):
    """Returns as many images as the budget says: to train on as bytes, and to test."""
    train_set, test_set, _ = fast_recipe.load()
    num_train, num_test = budget["num_train"], budget["num_test"]
    return [part[:num_train] for part in train_set], [p[:num_test] for p in test_set]


def fast(clock, seed, budget, *, dtype):
    """Trains by the fast recipe; returns what the record keeps beside the epochs.

    The share of the input: seconds that a core spends on whole batches (taking images,
    flipping, shifting, resizing, dividing them), of the seconds on the clock.
    """
    cv2.setNumThreads(1)  # no thread of OpenCV works unseen
    train_set, test_set = load(budget)
    watch = fast_recipe.Watch(Epochs.__getitem__)
    Epochs.__getitem__ = lambda batches, index: watch(batches, index)
    sizes = budget["sizes"]
    referee = Referee(clock, test_set, num_blind=sizes.index(sizes[-1]))
    clock.start()
    model, _ = fast_recipe.run(
        train_set,
        seed,
        epochs=len(sizes),
        batch_size=budget["batch_size"],
        network={"filters": budget["filters"], "convolution_dtype": dtype},
        training={"sizes": sizes, "callbacks": [referee]},
    )
    clock.stop()
    share = sum(watch.worked) / clock.seconds
    return {"parameters": model.count_params(), "share_of_input": round(share, 4)}


def modern(clock, seed, budget):
    """Trains the modern CNN by its own recipe: a tenth of the images selects."""
    (images, labels), test_set = load(budget)
    num_val = len(images) // 10
    images = np.divide(images, 255, dtype="float32")
    parts = split(images, labels, num_val=num_val, seed=seed)
    keras.utils.set_random_seed(seed)
    clock.start()
    model = modern_cnn()
    train(
        model,
        *parts,
        epochs=budget["modern_epochs"],
        callbacks=[*plateau_and_stop(), Referee(clock, test_set)],
        name=f"seed {seed}",
    )
    clock.stop()
    return {"parameters": model.count_params()}


def torch_fast(clock, seed, budget, *, dtype=None, **options):
    """Trains by the fast recipe in PyTorch."""
    import fast_torch
    import torch

    from cnnlab.layers.whitening import whitening_filters

    (images, labels), test_set = load(budget)
    torch.manual_seed(seed)

    def see(*arguments):
        clock.tick()
        return fast_recipe.see(*arguments, num_images=len(images))

    clock.start()
    few = images[: fast_recipe.NUM_WHITENING] / np.float32(255)
    model = fast_torch.network(*whitening_filters(few), budget["filters"])
    batches = Epochs(images, labels, budget["batch_size"], augment=see, seed=seed)
    num_steps = len(budget["sizes"]) * len(batches)
    rate = Triangle(1.5 * budget["batch_size"] / 1024, num_steps)
    training = fast_torch.Training(
        model,
        batches,
        rate,
        num_steps,
        dtype=dtype and getattr(torch, dtype),
        **options,
    )
    for epoch, size in enumerate(budget["sizes"]):
        training.epoch(size)
        if epoch == len(budget["sizes"]) - 1:
            training.finish()
        clock.stop()
        found = fast_recipe.accuracies(training, *test_set)
        clock.tell(seconds=round(clock.seconds, 1), **found)
        clock.start()
    clock.stop()
    return {"parameters": sum(w.numel() for w in model.parameters())}


def main():
    name, seed, budget = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    contestants = {"modern CNN": modern}
    for function, options in ((fast, KERAS), (torch_fast, TORCH)):
        for rival in options:
            contestants[rival] = functools.partial(function, **options[rival])
    fast_recipe.load()
    clock = turns.Clock()
    found = contestants[name](clock, seed, budget)
    status = Path("/proc/self/status").read_text()
    kilobytes = int(re.search(r"VmHWM:\s+(\d+)", status)[1])
    clock.tell(end=round(clock.seconds, 1), megabytes=kilobytes // 1024, **found)


if __name__ == "__main__":
    main()
