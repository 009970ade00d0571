"""An explorer of the receptive field: build a stack, see what one output sees.

Taught in notebooks/01_convolution_basics.ipynb.
"""

import numpy as np
from matplotlib.figure import Figure

from cnnlab import figures
from cnnlab.convolution.geometry import output_size, zero_padding
from cnnlab.convolution.receptive_field import Window, receptive_field
from cnnlab.widgets.display import figure_explorer

LAYERS = {
    "none": None,
    "convolution 3": Window(3, 1, "same"),
    "convolution 5": Window(5, 1, "same"),
    "convolution 3, stride 2": Window(3, 2, "same"),
    "convolution 3, dilation 2": Window(3, 1, "same", 2),
    "pooling 2": Window(2, 2, "same"),
}
START = ["convolution 3", "convolution 3", "pooling 2", "convolution 3"]
PIXELS = 32  # along the one axis that is drawn


def receptive_field_explorer(in_browser=None):
    """Lets a learner stack four layers and see the field of an output grow.

    Args:
        in_browser: Whether widgets can run; None asks the kernel.

    Returns:
        A display object: the explorer, or a picture of its first state.
    """
    knobs = {f"layer_{i}": (list(LAYERS), name) for i, name in enumerate(START, 1)}
    return figure_explorer(draw, knobs, in_browser)


def seen_by_middle(stack, image_size):
    """Follows the middle output of a stack back to the image, layer by layer.

    Args:
        stack: Sequence of `Window`, the one nearest to the image first.
        image_size: Length of the image along the axis, in pixels.

    Returns:
        A list of boolean arrays, one a level, the image first: what the middle
        output of the last level depends on.
    """
    sizes = [image_size]
    for window in stack:
        sizes.append(output_size(sizes[-1], *window))
    levels = [np.arange(sizes[-1]) == sizes[-1] // 2]
    for window, size in zip(reversed(stack), sizes[-2::-1], strict=True):
        levels.append(_inputs(levels[-1], window, size))
    return levels[::-1]


def _inputs(outputs, window, size):
    """Marks the inputs that the marked outputs of one layer look at."""
    before, _ = zero_padding(size, *window)
    starts = np.flatnonzero(outputs) * window.strides - before
    taps = np.arange(window.kernel_size) * window.dilation_rate
    positions = np.add.outer(starts, taps).ravel()
    inputs = np.zeros(size, bool)
    inputs[positions[(positions >= 0) & (positions < size)]] = True
    return inputs


def draw(**layers):
    """Draws one row of cells a level, in colour what the middle output depends on."""
    names = [name for name in layers.values() if name != "none"]
    stack = [LAYERS[name] for name in names]
    field = receptive_field(stack, PIXELS)
    figure = Figure(figsize=(7, 2.6))
    ax = figure.subplots()
    for row, seen in enumerate(seen_by_middle(stack, PIXELS)):
        cells = np.linspace(0, PIXELS, len(seen) + 1)
        colours = [figures.COLOURS[0] if mark else "0.92" for mark in seen]
        spans = list(zip(cells[:-1], np.diff(cells), strict=True))
        ax.broken_barh(spans, (row, 0.7), facecolors=colours, edgecolors="white")
    ax.set_yticks(np.arange(len(stack) + 1) + 0.35, ["image", *names])
    ax.set(xlabel="position (pixels of the image)", xlim=(0, PIXELS))
    text = (
        f"The middle output of {len(stack)} layers depends on a field of "
        f"{field.size} pixels; the next output's field lies {field.stride} further."
    )
    return figures.describe(figure, text)
