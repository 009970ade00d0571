"""Figures of the lessons: arrays in, Axes out; all of matplotlib lives here.

Importing this package sets Matplotlib's defaults once, by `set_style`.
"""

from cnnlab.figures.activation import activations
from cnnlab.figures.base import (
    COLOURS,
    MODEL_COLOURS,
    describe,
    picture,
    set_style,
)
from cnnlab.figures.classification import confusion, embedding
from cnnlab.figures.comparison import ablation, lines, selection_bias, trade_off
from cnnlab.figures.curriculum import curriculum
from cnnlab.figures.pictures import feature_map, images, numbers
from cnnlab.figures.quantization import (
    layer_losses,
    size_and_latency,
    steps_of_channels,
)
from cnnlab.figures.training import curves, race, speeds, trainings

__all__ = [
    "COLOURS",
    "MODEL_COLOURS",
    "ablation",
    "activations",
    "confusion",
    "curriculum",
    "curves",
    "describe",
    "embedding",
    "feature_map",
    "images",
    "layer_losses",
    "lines",
    "numbers",
    "picture",
    "race",
    "selection_bias",
    "set_style",
    "size_and_latency",
    "speeds",
    "steps_of_channels",
    "trade_off",
    "trainings",
]

set_style()
