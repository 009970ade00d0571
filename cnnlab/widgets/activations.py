"""An explorer of activations: their value, and the slope that flows back.

Taught in notebooks/01_convolution_basics.ipynb.
"""

import numpy as np
from matplotlib.figure import Figure

from cnnlab import figures
from cnnlab.convolution import activations
from cnnlab.widgets.display import figure_explorer

NAMES = ["relu", "leaky_relu", "elu", "relu6", "swish", "gelu"]
START = {"activation": "relu", "input_in_tenths": -15}


def activation_explorer(in_browser=None):
    """Lets a learner move along an activation and read its value and slope.

    Args:
        in_browser: Whether widgets can run; None asks the kernel.

    Returns:
        A display object: the explorer, or a picture of its first state.
    """
    choices = {"activation": NAMES, "input_in_tenths": range(-40, 81)}
    knobs = {name: (choices[name], START[name]) for name in choices}
    return figure_explorer(draw, knobs, in_browser)


def value_and_slope(activation, x):
    """Computes an activation and its slope.

    Args:
        activation: One of `NAMES`.
        x: A number or an array.

    Returns:
        Two numbers or arrays.
    """
    slope = getattr(activations, f"{activation}_gradient")
    return getattr(activations, activation)(x), slope(x)


def draw(activation, input_in_tenths):
    """Draws the activation, its slope dashed, and the tangent at one input."""
    x, at = np.linspace(-4, 8, 241), input_in_tenths / 10
    values, slopes = value_and_slope(activation, x)
    value, slope = map(float, value_and_slope(activation, at))
    figure = Figure(figsize=(7, 2.8))
    ax = figure.subplots()
    ax.axhline(0, color="0.8", lw=0.8)
    ax.plot(x, values, color=figures.COLOURS[0], label="value")
    ax.plot(x, slopes, "--", color=figures.COLOURS[1], label="slope")
    near = np.array([at - 1, at + 1])
    ax.plot(near, value + slope * (near - at), color="0.2", lw=2.5, label="tangent")
    ax.plot(at, value, "o", color="0.2")
    ax.set(xlabel="input", ylabel="output", xlim=(-4.2, 8.2), ylim=(-1.5, 6.5))
    ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    text = (
        f"{activation} of {at:.1f} is {value:.3f}; its slope there is {slope:.3f}: "
        f"of a gradient of 1 that arrives, {slope:.3f} flows back."
    )
    return figures.describe(figure, text)
