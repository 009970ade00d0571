"""Speed of the NumPy convolution: against its loops, TensorFlow, and your patience.

    python -m experiments convolution_speed

Claims: on images of 32x32x3 and 64 kernels of 3x3, the fast form is at least 100
times as fast as the loops and takes at most 5 times as long as TensorFlow. The explorer
of lesson 01 answers a turned knob within 150 ms for an image of 300x300 pixels.
"""

import itertools
import statistics
import sys
from functools import partial

from cnnlab.start import quiet_start

quiet_start()

import numpy as np
import tensorflow as tf

from cnnlab.convolution.convolve import conv2d, conv2d_loops
from cnnlab.widgets.convolution import convolution_explorer
from experiments.harness import Experiment
from experiments.timing import interleaved

BATCH = 32  # images in the comparison with TensorFlow
ROUNDS = 51  # rounds of the comparison with TensorFlow, both forms in each
LOOP_ROUNDS = 5  # rounds of the comparison with the loops, on one image
CALLS = 11  # of the fast form in each of them
KNOB_ROUNDS = 21  # turns of a knob of the explorer
KNOB_SIDE = 300  # pixels of the explorer's image
SEED = 0


def measure_forms(seed):
    """Times the three forms; returns their seconds on one image and on a batch."""
    rng = np.random.default_rng(seed)
    images = rng.random((BATCH, 32, 32, 3), dtype=np.float32)
    kernels = rng.standard_normal((3, 3, 3, 64), dtype=np.float32)
    image, tensors = images[:1], (tf.constant(images), tf.constant(kernels))
    one = {
        "loops": partial(conv2d_loops, image, kernels, padding="same"),
        "fast form": partial(conv2d, image, kernels, padding="same"),
    }
    batch = {
        "fast form": partial(conv2d, images, kernels, padding="same"),
        "TensorFlow": lambda: tf.nn.conv2d(*tensors, 1, "SAME").numpy(),
    }
    calls = {"loops": 1, "fast form": CALLS}
    return interleaved(one, LOOP_ROUNDS, calls), interleaved(batch, ROUNDS)


def measure_explorer(seed):
    """Times how the explorer answers a turned knob; returns its seconds."""
    rng = np.random.default_rng(seed)
    image = rng.random((KNOB_SIDE, KNOB_SIDE), dtype=np.float32)
    explorer = convolution_explorer(image, in_browser=True)
    values = itertools.count(0.5)

    def turn():
        explorer.cells[0].value = next(values)

    return interleaved({"explorer": turn}, KNOB_ROUNDS)


def run(seed):
    """Returns a row for each thing that is timed, and the two ratios."""
    one, batch = measure_forms(seed)
    rows = [
        {"arm": arm, **size, "milliseconds": np.round(1000 * np.array(s), 3).tolist()}
        for found, size in (
            (one, {"images": 1}),
            (batch, {"images": BATCH}),
            (measure_explorer(seed), {"pixels": KNOB_SIDE**2}),
        )
        for arm, s in found.items()
    ]
    loops, fast = (statistics.median(one[arm]) for arm in ("loops", "fast form"))
    ours, theirs = (
        statistics.median(batch[arm]) for arm in ("fast form", "TensorFlow")
    )
    ratios = {
        "times_as_fast_as_loops": round(loops / fast),
        "times_as_long_as_tensorflow": round(ours / theirs, 2),
    }
    return [*rows, {"kind": "summary", **ratios}]


def finish(rows):
    """Checks the claims."""
    summary = rows[-1]
    faster = summary["times_as_fast_as_loops"]
    longer = summary["times_as_long_as_tensorflow"]
    (knob,) = [row["milliseconds"] for row in rows if row["arm"] == "explorer"]
    knob = statistics.median(knob)
    print(f"{faster} times as fast as the loops (claim: at least 100)")
    print(f"{longer:.2f} times as long as TensorFlow (claim: at most 5)")
    print(f"{knob:.0f} ms for a turned knob (claim: at most 150)")
    if faster < 100 or longer > 5 or knob > 150:
        sys.exit("A claim does not hold on this machine.")


EXPERIMENT = Experiment(
    name="convolution_speed",
    question="how fast the NumPy convolution is, beside its loops and TensorFlow",
    run=run,
    budget={
        "what": "3x3 convolution, images 32x32x3, 64 filters, same padding, float32"
    },
    seeds=[SEED],
    minutes=0.2,
    packages=("numpy", "tensorflow"),
    alone=True,
    anew=True,
    finish=finish,
)
