"""How many images a second does the fast recipe train on, and what does that depend on?

    CNNLAB_DATA=... python benchmarks/fast_cnn_speed.py rivals
    CNNLAB_DATA=... python benchmarks/fast_cnn_speed.py growth

`rivals` trains the same network with the same batches and steps in Keras (float32, and
with convolutions in bfloat16) and in PyTorch (float32, channels-last, and channels-last
with bfloat16 autocast), each in a process of its own. They take turns of a few steps,
so that whatever else the machine does hits all alike; ratios are those of turns that
follow each other. PyTorch comes with requirements-bench.txt; without it Keras runs
alone. `growth` asks Keras alone: batch size, width, cores, image size, type, one
changed at a time. Both want an idle machine and write data/records/fast_cnn_speed.json.
On a processor that does not multiply bfloat16, rivals are those in float32 alone.
"""

import argparse
import functools
import json
import os
import sys

import record
import turns

NAME = "fast_cnn_speed"
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
LAPS = {"rivals": 9, "growth": 5}  # after one that does not count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("leg", choices=[*LAPS, "contestant"])
    parser.add_argument("settings", nargs="?", type=json.loads)
    arguments = parser.parse_args()
    if arguments.leg == "contestant":
        compete(arguments.settings)
        return
    if arguments.leg == "growth":
        if not record.multiplies_bfloat16():
            sys.exit("`growth` computes in bfloat16, which this processor does not.")
        contestants = [{"name": named(settings), **settings} for settings in GROWTH]
    else:
        in_torch = [name for name in RIVALS if "PyTorch" in name]
        in_bfloat16 = [name for name in RIVALS if "bfloat16" in name]
        names = record.runnable(RIVALS, in_torch, in_bfloat16)
        contestants = [{"name": name, **USUAL, **RIVALS[name]} for name in names]
    laps = {"laps": LAPS[arguments.leg] + 1}
    found = turns.rates(
        {
            settings["name"]: [__file__, "contestant", json.dumps(settings | laps)]
            for settings in contestants
        }
    )
    rows = [each | {"images_per_second": found[each["name"]]} for each in contestants]
    content = record.read(NAME) or {}
    conditions = record.conditions(*record.PACKAGES)
    content[arguments.leg] = {**conditions, "contestants": rows}
    record.write(NAME, content)


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
    import fast_recipe
    import numpy as np

    images, labels = fast_recipe.load(num_train=num_images)[0]
    size = (settings["pixels"],) * 2
    if size != images.shape[1:3]:
        images = np.stack([cv2.resize(image, size) for image in images])
    see = functools.partial(fast_recipe.see, num_images=num_images)
    return (images, labels), see


def keras_laps(settings, laps):
    """Trains through `cnnlab.train.train_fast`; a lap is an epoch of few images."""
    from cnnlab.start import quiet_start

    quiet_start()
    import fast_recipe

    from cnnlab.train.fast import train_fast

    (images, labels), see = train_set(settings, laps.num_images)
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
        augment=see,
        callbacks=[laps.callback()],
    )


def torch_laps(settings, laps):
    """Trains on as many batches in PyTorch."""
    from cnnlab.start import quiet_start

    quiet_start()  # Keras prepares the batches
    import fast_torch
    import numpy as np
    import torch

    from cnnlab.layers.whitening import whitening_filters
    from cnnlab.train.batches import Epochs
    from cnnlab.train.schedules import Triangle

    torch.set_num_threads(settings["cores"])
    batch_size, dtype = settings["batch_size"], settings["dtype"]
    (images, labels), see = train_set(settings, laps.num_images)
    batches = Epochs(images, labels, batch_size, augment=see)
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


if __name__ == "__main__":
    main()
