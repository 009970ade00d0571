"""Training over epochs and seconds: training dashed, validation solid."""

import matplotlib.pyplot as plt
import numpy as np

from cnnlab.figures.base import COLOURS, line_styles


def curves(histories, quantity="accuracy", ax=None):
    """Draws training dashed and validation solid, with a band over seeds.

    The first of a figure's axes carries the legend.

    Args:
        histories: A dict from a model's name to a list of histories, one a seed; each
            is a dict of lists with one number an epoch.
        quantity: `"accuracy"` or `"loss"`.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    for (name, runs), style in zip(
        histories.items(), line_styles(histories), strict=True
    ):
        validation = [run[f"val_{quantity}"] for run in runs]
        _mean_and_band(ax, [run[quantity] for run in runs], "--", style)
        _mean_and_band(ax, validation, "-", {**style, "label": name})
    ax.plot([], [], "-", color="0.4", label="validation")
    ax.plot([], [], "--", color="0.4", label="training")
    ax.set(xlabel="epoch", ylabel=quantity)
    ax.xaxis.get_major_locator().set_params(integer=True)
    if not any(each.get_legend() for each in ax.figure.axes):  # one serves them all
        ax.legend(fontsize=8)
    return ax


def _mean_and_band(ax, runs, line, style):
    values = np.full((len(runs), max(map(len, runs))), np.nan)  # (seeds, epochs)
    for row, run in zip(values, runs, strict=True):
        row[: len(run)] = run  # a run may have stopped early
    alive = np.sum(~np.isnan(values), axis=0)
    mean = np.nansum(values, axis=0) / alive
    squares = np.nansum((values - mean) ** 2, axis=0)
    spread = np.sqrt(squares / np.maximum(alive - 1, 1))
    epochs = np.arange(1, len(mean) + 1)
    ax.plot(epochs, mean, line, ms=4, markevery=-(-len(mean) // 15), **style)
    band = {"color": style["color"], "alpha": 0.2, "lw": 0}
    ax.fill_between(epochs, mean - spread, mean + spread, **band)


def race(contestants, ax=None):
    """Draws accuracy over minutes, a line for each contestant with a marker an epoch.

    Args:
        contestants: A dict from a name to a pair of lists, one number an epoch: seconds
            since the start, and accuracies in [0, 1].
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    lines = zip(contestants.items(), line_styles(contestants), strict=True)
    for (name, (seconds, accuracies)), style in lines:
        minutes, percent = np.array(seconds) / 60, 100 * np.array(accuracies)
        ax.plot(minutes, percent, ms=4, label=name, **style)
    ax.set(xlabel="minutes of training", ylabel="test accuracy (%)", xlim=(0, None))
    ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def trainings(machines, ax=None):
    """Draws trainings by their seconds, on a log scale, and what they reach.

    Args:
        machines: A dict from a machine, which has a marker of its own, to a dict from
            the name of a training, written beside it, to a pair of sequences `(N,)`,
            one number a seed: seconds, and accuracies in [0, 1].
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    lines = zip(machines.items(), line_styles(machines), strict=True)
    for (machine, groups), style in lines:
        style |= {"mfc": "none", "ls": ""}
        ax.plot([], [], label=machine, **style)
        for name, (seconds, accuracies) in groups.items():
            percent = 100 * np.asarray(accuracies)
            ax.plot(seconds, percent, **style)
            position = 1.15 * max(seconds), np.mean(percent)
            ax.annotate(name, position, va="center", fontsize=8)
    ax.set(xscale="log", xlabel="seconds of training", ylabel="test accuracy (%)")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlim(right=8 * ax.get_xlim()[1])  # names stand on the right
    ax.legend(fontsize=8)
    return ax


def speeds(dials, figure=None):
    """Draws images a second over the settings of one dial, a panel a dial.

    Args:
        dials: A dict from a dial's name to a dict from a setting to the images a
            second of its turns: dots, and a bar as high as their median.
        figure: Figure to draw into, a new one by default.

    Returns:
        An array of Axes.
    """
    figure = figure or plt.figure(figsize=(7, 2.6))
    widths = [1 + len(settings) for settings in dials.values()]
    axes = figure.subplots(1, len(dials), sharey=True, width_ratios=widths)
    for ax, (name, settings) in zip(np.atleast_1d(axes), dials.items(), strict=True):
        for column, turns in enumerate(settings.values()):
            ax.bar(column, np.median(turns), color=COLOURS[0], alpha=0.4)
            ax.plot(np.full(len(turns), column), turns, "o", color=COLOURS[0], ms=2)
        ax.set_xticks(range(len(settings)), settings, rotation=90, fontsize=8)
        ax.set_title(name, fontsize=9)
    np.atleast_1d(axes)[0].set_ylabel("images a second")
    return np.atleast_1d(axes)
