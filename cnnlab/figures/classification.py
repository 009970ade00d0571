"""What a classifier confuses, and how its features lie."""

import matplotlib.pyplot as plt
import numpy as np

from cnnlab.figures.base import COLOURS, MARKERS


def confusion(counts, classes, ax=None):
    """Draws a confusion matrix as shares of the true class.

    Args:
        counts: Integer array `(num_classes, num_classes)`, truth in rows.
        classes: Names of the classes.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure(figsize=(5.2, 4.4)).subplots()
    shares = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    picture = ax.imshow(shares, vmin=0, vmax=100)
    for row, column in np.ndindex(shares.shape):
        if shares[row, column] >= 0.5:
            color = "black" if shares[row, column] > 60 else "white"
            text = f"{shares[row, column]:.0f}"
            ax.text(
                column, row, text, ha="center", va="center", fontsize=7, color=color
            )
    ticks = np.arange(len(classes))
    ax.set_xticks(ticks, classes, rotation=45, ha="right", fontsize=8)
    ax.set_yticks(ticks, classes, fontsize=8)
    ax.set(xlabel="the network's answer", ylabel="truth")
    ax.figure.colorbar(picture, ax=ax, label="share of the class (%)")
    return ax


def embedding(positions, labels, classes, ax=None):
    """Draws a map of items, one colour and marker a class.

    The figure carries the legend, beneath all its axes.

    Args:
        positions: Coordinates of each item, shape `(N, 2)`.
        labels: Class numbers, shape `(N,)`.
        classes: Names of the classes.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    for number, name in enumerate(classes):
        round_, colour = divmod(number, len(COLOURS))
        style = {"color": COLOURS[colour], "marker": MARKERS[(colour + 3 * round_) % 7]}
        ax.plot(
            *positions[labels == number].T, ls="", ms=4, alpha=0.7, label=name, **style
        )
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(visible=True, color="0.7")
    if not ax.figure.legends:
        handles, names = ax.get_legend_handles_labels()
        legend = {"loc": "outside lower center", "ncols": 5}
        ax.figure.legend(handles, names, fontsize=8, **legend)
    return ax
