"""Arms of an experiment side by side."""

import matplotlib.pyplot as plt
import numpy as np

from cnnlab.figures.base import COLOURS, MARKERS, MODEL_COLOURS, OTHER_COLOURS


def ablation(accuracies, baseline, ax=None, arms=None):
    """Draws each arm's runs as dots and their mean as a bar, the baseline as a line.

    Args:
        accuracies: A dict from an arm's name to its test accuracies, one a seed.
        baseline: Name of the arm against which the others are read.
        ax: Axes to draw into, new ones by default.
        arms: Names from the lowest row to the highest, by default in the order of their
            means.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    arms = arms or sorted(accuracies, key=lambda arm: np.mean(accuracies[arm]))
    reference = 100 * np.array(accuracies[baseline])
    spread = reference.std(ddof=1) if len(reference) > 1 else 0
    ax.axvspan(reference.mean() - spread, reference.mean() + spread, color="0.88", lw=0)
    ax.axvline(reference.mean(), color="0.5", lw=1)
    for row, arm in enumerate(arms):
        values = 100 * np.array(accuracies[arm])
        color = MODEL_COLOURS.get(arm, OTHER_COLOURS[0])
        ax.plot(values, np.full(len(values), row), "o", color=color, ms=4, alpha=0.6)
        ax.plot(values.mean(), row, "|", color=color, ms=16, mew=2.5)
    ax.set_yticks(range(len(arms)), arms)
    ax.set_xlabel("test accuracy (%)")
    return ax


def selection_bias(sizes, by_test, by_val, ax=None):
    """Draws by how much a reported accuracy exceeds the true one.

    Args:
        sizes: Numbers of test images that were reported on.
        by_test: Points of accuracy too much when those images chose the epoch, shape
            `(runs, sizes)`.
        by_val: The same when validation chose it.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    for values, name, marker, color in (
        (by_test, "epoch chosen on the test images", "^", OTHER_COLOURS[1]),
        (by_val, "epoch chosen on validation", "o", OTHER_COLOURS[0]),
    ):
        ax.plot(sizes, np.transpose(values), marker, color=color, ms=4, alpha=0.5)
        ax.plot(sizes, np.mean(values, 0), marker + "-", color=color, label=name)
    ax.axhline(0, color="0.5", lw=1)
    ax.set_xscale("log")
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
    ax.minorticks_off()
    ax.set(xlabel="test images reported on", ylabel="points too much")
    ax.legend()
    return ax


def lines(x, series, ax=None):
    """Draws one line a name, and a band over the runs where there are several.

    Args:
        x: Positions along the horizontal axis, shape `(N,)`.
        series: A dict from a name to an array `(N,)`, or `(runs, N)`.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    for (name, runs), color, marker in zip(
        series.items(), COLOURS, MARKERS, strict=False
    ):
        runs = np.atleast_2d(runs)
        mean, spread = runs.mean(axis=0), runs.std(axis=0, ddof=min(1, len(runs) - 1))
        ax.plot(x, mean, marker=marker, ms=4, color=color, label=name)
        ax.fill_between(x, mean - spread, mean + spread, color=color, alpha=0.2, lw=0)
    ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def trade_off(groups, ax=None):
    """Draws networks by cost and accuracy, and the front that nobody beats in both.

    Args:
        groups: A dict from a name to a pair of arrays `(N,)`: costs in any unit, and
            accuracies in [0, 1].
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    for (name, (costs, accuracies)), color, marker in zip(
        groups.items(), COLOURS, MARKERS, strict=False
    ):
        style = {"color": color, "ms": 4, "alpha": 0.6, "label": name}
        ax.plot(costs, 100 * np.asarray(accuracies), marker, **style)
    costs, accuracies = np.concatenate([np.array(g) for g in groups.values()], axis=1)
    order = np.lexsort((-accuracies, costs))  # of equal cost the better one first
    best = 100 * np.maximum.accumulate(accuracies[order])
    ax.step(costs[order], best, where="post", color="0.3", lw=1, label="front")
    ax.set_ylabel("accuracy (%)")
    ax.legend(fontsize=8)
    return ax
