"""How many images a second does the fast recipe train on, and what does that depend on?

    CNNLAB_DATA=... python -m experiments fast_cnn_rivals
    CNNLAB_DATA=... python -m experiments fast_cnn_growth

`fast_cnn_rivals` trains the same network with the same batches and steps in Keras
(float32, and with convolutions in bfloat16) and in PyTorch (float32, channels-last, and
channels-last with bfloat16 autocast), each in a process of its own. They take turns of
a few steps, so that whatever else the machine does hits all alike; ratios are those of
turns that follow each other. PyTorch comes with requirements-bench.txt; without it
Keras runs alone. `fast_cnn_growth` asks Keras alone: batch size, width, cores, image
size, type, one changed at a time. Both want an idle machine. On a processor that does
not multiply bfloat16, rivals are those in float32 alone.
"""

import functools
import importlib.util
import json
import os
import sys

from experiments import turns
from experiments.conditions import multiplies_bfloat16
from experiments.harness import Experiment

USUAL = {
    "filters": [48, 128, 256],
    "batch_size": 512,
    "cores": 2,
    "pixels": 32,
    "dtype": "mixed_bfloat16",  # of Keras' convolutions
}
RIVALS = {
    "Keras": {"dtype": "float32"},
    "Keras, bfloat16": {"dtype": "mixed_bfloat16"},
    "PyTorch": {"channels_last": False, "dtype": None},
    "PyTorch, channels last": {"channels_last": True, "dtype": None},
    "PyTorch, bfloat16": {"channels_last": True, "dtype": "bfloat16"},
}
GROWTH = [
    USUAL,
    *({**USUAL, "batch_size": size} for size in (64, 128, 256, 1024)),
    *(
        {**USUAL, "filters": f}
        for f in ([24, 64, 128], [32, 96, 192], [64, 128, 256], [64, 256, 256])
    ),
    {**USUAL, "cores": 1},
    {**USUAL, "dtype": "float32"},
    *({**USUAL, "pixels": pixels} for pixels in (21, 25, 48, 64)),
]
IMAGES_A_LAP = 2_048
LAPS_OF_RIVALS, LAPS_OF_GROWTH = 9, 5  # after one that does not count
HAS_TORCH = importlib.util.find_spec("torch") is not None


def race(settings, laps):
    """Lets contestants take turns; returns a row for each, with images a second.

    Args:
        settings: A dict from a contestant's name to its settings.
        laps: Laps that count.
    """
    found = turns.rates(
        {
            name: ["-m", __name__, json.dumps({**each, "name": name, "laps": laps + 1})]
            for name, each in settings.items()
        }
    )
    return [
        {"arm": name, **each, "images_per_second": found[name]}
        for name, each in settings.items()
    ]


def run_rivals():
    """Races Keras and PyTorch, as far as they can run here."""
    names = choose_runnable(RIVALS, HAS_TORCH, multiplies_bfloat16())
    return race({name: {**USUAL, **RIVALS[name]} for name in names}, LAPS_OF_RIVALS)


def run_growth():
    """Races Keras in different sizes, types and numbers of cores."""
    if not multiplies_bfloat16():
        sys.exit("This computes in bfloat16, which this processor does not.")
    return race({named(settings): settings for settings in GROWTH}, LAPS_OF_GROWTH)


def choose_runnable(names, has_torch, has_bfloat16):
    """Returns the names of those that can run here, and prints why others cannot.

    Args:
        names: Names of contestants, which say what they need.
        has_torch: Whether PyTorch is installed.
        has_bfloat16: Whether the processor multiplies bfloat16.
    """
    for word, is_here, reason in (
        ("PyTorch", has_torch, "PyTorch is not installed (requirements-bench.txt)"),
        ("bfloat16", has_bfloat16, "no bfloat16 on this processor"),
    ):
        left_out = [] if is_here else [name for name in names if word in name]
        if left_out:
            print(f"Left out, {reason}: {'; '.join(left_out)}")
        names = [name for name in names if name not in left_out]
    return names


def named(settings):
    """Returns a name that says what is not as usual."""
    changed = [dial for dial in USUAL if settings[dial] != USUAL[dial]]
    return ", ".join(["Keras", *(f"{dial} {settings[dial]}" for dial in changed)])


def compete(settings):
    """Trains lap by lap, when it is told to."""
    cores = settings["cores"]
    names = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")
    os.environ.update(dict.fromkeys(names, str(cores)))
    if hasattr(os, "sched_setaffinity"):  # on Linux
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    num_images = IMAGES_A_LAP // settings["batch_size"] * settings["batch_size"]
    laps = turns.Laps(num_images)
    function = keras_laps if "Keras" in settings["name"] else torch_laps
    function(settings, laps)
    laps.tell(end=laps.done)


def train_set(settings, num_images):
    """Returns CIFAR-10's first images, enlarged if other pixels are asked for."""
    import cv2
    import numpy as np

    from experiments.lesson_19 import fast_recipe

    images, labels = fast_recipe.load(num_train=num_images)[0]
    size = (settings["pixels"],) * 2
    if size != images.shape[1:3]:
        images = np.stack([cv2.resize(image, size) for image in images])
    augment = functools.partial(fast_recipe.augment_batch, num_images=num_images)
    return (images, labels), augment


def keras_laps(settings, laps):
    """Trains through `cnnlab.train.train_fast`; a lap is an epoch of few images."""
    from cnnlab.start import quiet_start

    quiet_start()
    from cnnlab.train.fast import train_fast
    from experiments.lesson_19 import fast_recipe

    (images, labels), augment = train_set(settings, laps.num_images)
    model = fast_recipe.build(
        images,
        filters=settings["filters"],
        input_shape=images.shape[1:],
        convolution_dtype=settings["dtype"],
    )
    train_fast(
        model,
        (images, labels),
        epochs=settings["laps"],
        batch_size=settings["batch_size"],
        augment=augment,
        callbacks=[laps.callback()],
    )


def torch_laps(settings, laps):
    """Trains on as many batches in PyTorch."""
    from cnnlab.start import quiet_start

    quiet_start()  # Keras prepares the batches
    import numpy as np
    import torch

    from cnnlab.layers.whitening import whitening_filters
    from cnnlab.train.batches import Epochs
    from cnnlab.train.schedules import Triangle
    from experiments.lesson_19 import fast_torch

    torch.set_num_threads(settings["cores"])
    batch_size, dtype = settings["batch_size"], settings["dtype"]
    (images, labels), augment = train_set(settings, laps.num_images)
    batches = Epochs(images, labels, batch_size, augment=augment)
    num_steps = settings["laps"] * len(batches)
    filters_of_patches = whitening_filters(images / np.float32(255))
    training = fast_torch.Training(
        fast_torch.network(*filters_of_patches, settings["filters"]),
        batches,
        Triangle(1.5 * batch_size / 1024, num_steps),
        num_steps,
        channels_last=settings["channels_last"],
        dtype=dtype and getattr(torch, dtype),
    )
    for _ in range(settings["laps"]):
        laps.start()
        training.epoch()
        laps.stop()


def load_info():
    """Returns what the images are."""
    from experiments.lesson_19 import fast_recipe

    return fast_recipe.load(num_train=IMAGES_A_LAP)[-1]


PACKAGES = ("keras", "tensorflow", "numpy", *(["torch"] if HAS_TORCH else []))
RIVALRY = Experiment(
    name="fast_cnn_rivals",
    question="how many images a second the fast recipe trains on, beside PyTorch",
    run=run_rivals,
    data=load_info,
    minutes=5,
    packages=PACKAGES,
    alone=True,
    anew=True,
)
COSTS = Experiment(
    name="fast_cnn_growth",
    question="the same over batch, width, cores, size and type",
    run=run_growth,
    data=load_info,
    minutes=5,
    packages=PACKAGES,
    alone=True,
)

if __name__ == "__main__":
    compete(json.loads(sys.argv[1]))
