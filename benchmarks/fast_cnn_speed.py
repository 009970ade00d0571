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
"""

import argparse
import functools
import importlib.util
import json
import os
import subprocess
import sys
import time

import record

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
IMAGES_A_TURN = 2_048
TURNS = {"rivals": 9, "growth": 5}  # after one that does not count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("leg", choices=[*TURNS, "contestant"])
    parser.add_argument("settings", nargs="?", type=json.loads)
    arguments = parser.parse_args()
    if arguments.leg == "contestant":
        compete(arguments.settings)
        return
    if arguments.leg == "growth":
        contestants = [{"name": "Keras", **settings} for settings in GROWTH]
    else:
        contestants = [{"name": name, **USUAL, **RIVALS[name]} for name in RIVALS]
        if not importlib.util.find_spec("torch"):
            print("PyTorch is not installed: requirements-bench.txt brings it.")
            contestants = [each for each in contestants if "Keras" in each["name"]]
    rows = interleaved(contestants, TURNS[arguments.leg])
    content = record.read(NAME) or {}
    packages = ["keras", "tensorflow", "numpy"]
    packages += ["torch"] if importlib.util.find_spec("torch") else []
    content[arguments.leg] = {**record.conditions(*packages), "contestants": rows}
    record.write(NAME, content)


def interleaved(contestants, num_turns):
    """Lets contestants take turns; returns them with their images a second.

    Args:
        contestants: Dicts of settings with a `name`.
        num_turns: Turns of each that count.

    Returns:
        The dicts, each with `images_per_second`, one number a turn.
    """
    processes = [
        started({**settings, "num_turns": num_turns + 1}) for settings in contestants
    ]
    rows = [{**settings, "images_per_second": []} for settings in contestants]
    for turn in range(num_turns + 1):
        for row, process in zip(rows, processes, strict=True):
            process.stdin.write("go\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            if not answer:
                sys.exit(f"{row['name']} ended; see its message above.")
            if turn:  # the first one compiles
                row["images_per_second"].append(round(float(answer), 1))
            print(f"turn {turn}: {row['name']:24}{float(answer):8.0f} images/s")
    for process in processes:
        process.communicate()
    return rows


def started(settings):
    """Starts a process that competes."""
    cores = str(settings["cores"])
    names = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")
    return subprocess.Popen(
        [sys.executable, __file__, "contestant", json.dumps(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **dict.fromkeys(names, cores)},
    )


class Clock:
    """Waits for a line of the standard input, and answers with images a second.

    Args:
        num_images: Images in a turn.
    """

    def __init__(self, num_images):
        self.num_images = num_images
        self.answers, sys.stdout = (
            sys.stdout,
            sys.stderr,
        )  # nothing else may speak there

    def start(self):
        """Waits; the turn begins."""
        if not sys.stdin.readline():
            sys.exit("Nobody asks any more.")
        self.started = time.perf_counter()

    def stop(self):
        """Ends the turn."""
        seconds = time.perf_counter() - self.started
        print(self.num_images / seconds, file=self.answers, flush=True)


def compete(settings):
    """Trains turn by turn, as often as it is asked to."""
    if hasattr(os, "sched_setaffinity"):  # on Linux
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: settings["cores"]])
    num_images = IMAGES_A_TURN // settings["batch_size"] * settings["batch_size"]
    clock = Clock(num_images)
    function = keras_turns if "Keras" in settings["name"] else torch_turns
    function(settings, clock)


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


def keras_turns(settings, clock):
    """Trains through `cnnlab.train.train_fast`; a turn is an epoch of few images."""
    from cnnlab.doctor import quiet_start

    quiet_start()
    import fast_recipe
    import keras

    from cnnlab.train import train_fast

    (images, labels), see = train_set(settings, clock.num_images)
    model = fast_recipe.build(
        images,
        filters=settings["filters"],
        input_shape=images.shape[1:],
        convolution_dtype=settings["dtype"],
    )
    turns = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: clock.start(),
        on_epoch_end=lambda epoch, logs: clock.stop(),
    )
    train_fast(
        model,
        (images, labels),
        epochs=settings["num_turns"],
        batch_size=settings["batch_size"],
        augment=see,
        callbacks=[turns],
    )


def torch_turns(settings, clock):
    """Trains on as many batches in PyTorch."""
    from cnnlab.doctor import quiet_start

    quiet_start()  # Keras prepares the batches
    import fast_torch
    import numpy as np
    import torch

    from cnnlab.layers.whitening import whitening_filters
    from cnnlab.train import Epochs, Triangle

    torch.set_num_threads(settings["cores"])
    batch_size, dtype = settings["batch_size"], settings["dtype"]
    (images, labels), see = train_set(settings, clock.num_images)
    batches = Epochs(images, labels, batch_size, augment=see)
    num_steps = settings["num_turns"] * len(batches)
    filters_of_patches = whitening_filters(images / np.float32(255))
    training = fast_torch.Training(
        fast_torch.network(*filters_of_patches, settings["filters"]),
        batches,
        Triangle(1.5 * batch_size / 1024, num_steps),
        num_steps,
        channels_last=settings["channels_last"],
        dtype=dtype and getattr(torch, dtype),
    )
    for _ in range(settings["num_turns"]):
        clock.start()
        training.epoch()
        clock.stop()


if __name__ == "__main__":
    main()
