"""Activation functions and their derivatives."""

import matplotlib.pyplot as plt
import numpy as np


def activations(functions, figure=None):
    """Draws each activation solid and its slope dashed, one panel each.

    Args:
        functions: A dict from a name to a pair of functions of an array: the
            activation and its slope.
        figure: Figure to draw into, a new one by default.

    Returns:
        An array of Axes, four in a row.
    """
    rows = -(-len(functions) // 4)
    figure = figure or plt.figure(figsize=(7, 1.9 * rows))
    axes = figure.subplots(rows, 4, sharex=True, sharey=True, squeeze=False)
    x = np.linspace(-4, 8, 601)
    for ax, (name, (activation, slope)) in zip(
        axes.flat, functions.items(), strict=False
    ):
        ax.axhline(0, color="0.8", lw=0.8)
        ax.axvline(0, color="0.8", lw=0.8)
        ax.plot(x, activation(x), label="value")
        ax.plot(x, slope(x), "--", label="slope")
        ax.set_title(name, loc="center")
    for ax in axes.flat[len(functions) :]:
        ax.set_axis_off()
    axes[0, 0].legend(fontsize=8, loc="upper left")
    axes[0, 0].set_ylim(-1.5, 6.5)
    figure.supxlabel("input", fontsize=10)
    figure.supylabel("output", fontsize=10)
    return axes
