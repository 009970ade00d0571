"""What quantisation costs: layer by layer, in bytes and in milliseconds."""

import matplotlib.pyplot as plt
import numpy as np

from cnnlab.figures.base import COLOURS, MARKERS


def layer_losses(layers, own, accumulated, ax=None):
    """Draws what each layer of a converted model loses, in order of execution.

    Args:
        layers: Names of the layers.
        own: Relative error of each, given what the original has before it: bars.
        accumulated: Relative error of each, after all layers before it: dots.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure(figsize=(7, 0.6 + 0.24 * len(layers))).subplots()
    rows = np.arange(len(layers))
    ax.barh(rows, 100 * np.asarray(own), color=COLOURS[0], label="lost by the layer")
    ax.plot(100 * np.asarray(accumulated), rows, "o", color=COLOURS[1], ms=5)
    ax.plot([], [], "o", color=COLOURS[1], label="lost up to here")
    ax.set_yticks(rows, layers, fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel("share of the signal (%)")
    ax.legend(fontsize=8)
    return ax


def size_and_latency(names, kilobytes, milliseconds, ax=None):
    """Draws each variant of a network by its size and its time, on log scales.

    Args:
        names: Names of the variants.
        kilobytes: Size of each file.
        milliseconds: Median, lower and upper quartile of each, shape `(N, 3)`.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    for index, (name, size, (median, lower, upper)) in enumerate(
        zip(names, kilobytes, milliseconds, strict=True)
    ):
        round_, colour = divmod(index, len(COLOURS))
        marker = MARKERS[(index + round_) % len(MARKERS)]  # no pair of both twice
        style = {"color": COLOURS[colour], "marker": marker}
        spread = [[median - lower], [upper - median]]
        ax.errorbar([size], [median], yerr=spread, capsize=3, ls="", **style)
        ax.plot([], [], ls="", label=name, **style)  # the legend without a spread
    ax.set(xscale="log", yscale="log")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
    ax.set_xticks([100, 200, 400, 800])
    ax.set_xlim(min(kilobytes) / 1.2, max(kilobytes) * 1.2)
    ax.set(xlabel="size of the file (kB)", ylabel="time of one image (ms)")
    ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def steps_of_channels(steps, ax=None):
    """Draws how many steps of a common scale each channel reaches, on a log scale.

    Args:
        steps: Largest value of each channel divided by the scale, shape `(C,)`. A
            channel below one half is rounded to 0 as a whole.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure(figsize=(7, 2.6)).subplots()
    ordered = np.sort(steps)[::-1]
    is_lost = ordered < 0.5
    for chosen, colour, label in (
        (~is_lost, COLOURS[0], "kept"),
        (is_lost, COLOURS[1], "rounded to 0 as a whole"),
    ):
        if chosen.any():
            ax.bar(np.flatnonzero(chosen), ordered[chosen], color=colour, label=label)
    ax.axhline(0.5, color="0.3", ls="--", lw=1, label="half a step")
    floor = np.clip(0.7 * ordered[-1], 0.01, 0.25)  # a silent channel has no bar
    ax.set(yscale="log", ylim=(floor, None), xticks=[])
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set(xlabel="channels, the largest first", ylabel="largest value (steps)")
    if is_lost.any():
        ax.legend(fontsize=8)
    return ax
