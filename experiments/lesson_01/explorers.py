"""Speed of the explorers: how long a turned knob waits for its answer.

    python -m experiments explorers

Claim: each answers within 150 ms of processor time, the median of its redraws.
Processor time, since it is the same on a machine that does other work as well.
"""

import statistics
import sys
import time
from functools import partial

import numpy as np

from cnnlab.data import photographs
from cnnlab.widgets.activations import activation_explorer
from cnnlab.widgets.attention import attention_explorer
from cnnlab.widgets.convolution import convolution_explorer
from cnnlab.widgets.quantization import quantization_explorer
from cnnlab.widgets.receptive_field import receptive_field_explorer
from cnnlab.widgets.schedules import schedule_explorer
from experiments.harness import Experiment
from experiments.timing import interleaved

ROUNDS = 21
LIMIT = 150  # milliseconds, the longest that feels immediate
NUM_IMAGES, NUM_EXAMPLES = 10, 300  # of attention, of quantisation
BLOCKS = ((32, 32), (64, 16), (128, 8))  # channels and side of the modern CNN's maps


def explorers():
    """Builds each explorer with arrays as large as those of its lesson.

    Returns:
        A dict from an explorer's name to the explorer.
    """
    rng = np.random.default_rng(0)
    photographs_of, _ = photographs.load()
    builders = {
        "convolution": partial(
            convolution_explorer, photographs_of["coffee"][::4, ::4]
        ),
        "receptive field": receptive_field_explorer,
        "activations": activation_explorer,
        "schedules": schedule_explorer,
        "attention": partial(
            attention_explorer,
            rng.random((NUM_IMAGES, 32, 32, 3)),
            [rng.random((NUM_IMAGES, channels)) for channels, _ in BLOCKS],
            [rng.random((NUM_IMAGES, side, side)) for _, side in BLOCKS],
        ),
        "quantisation": partial(
            quantization_explorer,
            rng.normal(size=(128, 10)),
            np.zeros(10),
            rng.normal(size=(NUM_EXAMPLES, 128)),
        ),
    }
    return {name: build(in_browser=True) for name, build in builders.items()}


def run(seed):
    """Redraws each explorer several times; returns processor times in milliseconds."""
    redraws = {name: explorer.redraw for name, explorer in explorers().items()}
    seconds = interleaved(redraws, ROUNDS, clock=time.process_time)
    return [
        {"arm": name, "milliseconds": [round(1000 * s, 2) for s in values]}
        for name, values in seconds.items()
    ]


def finish(rows):
    """Checks the claim."""
    medians = {row["arm"]: statistics.median(row["milliseconds"]) for row in rows}
    for name, milliseconds in medians.items():
        print(f"{name:16} {milliseconds:6.0f} ms")
    if max(medians.values()) > LIMIT:
        sys.exit("The claim does not hold on this machine.")


EXPERIMENT = Experiment(
    name="explorers",
    question="how long a turned knob of an explorer waits for its answer",
    run=run,
    seeds=[0],
    minutes=0.5,
    packages=("numpy", "matplotlib"),
    alone=True,
    anew=True,
    finish=finish,
)
