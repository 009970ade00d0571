"""An explorer of quantisation: what fewer bits do to weights, and to the decision.

Taught in notebooks/15_tflite_quantization.ipynb.
Source: Krishnamoorthi 2018, sections 2 and 3, https://arxiv.org/abs/1806.08342. Only
weights are rounded here, on a grid with zero in its middle, as TFLite rounds them;
the features that they multiply stay as they are.
"""

from functools import partial

import numpy as np
from matplotlib.figure import Figure

from cnnlab import figures
from cnnlab.widgets.display import figure_explorer

SCALES = PER_TENSOR, PER_UNIT = "one for the tensor", "one for each unit"
AFTER = {"color": figures.COLOURS[1]}  # what rounding has touched


def quantization_explorer(weights, bias, features, classes=None, in_browser=None):
    """Lets a learner choose bits and scales for the weights of a dense layer.

    Args:
        weights: Of the layer that decides, shape `(C, units)`, two to twenty units.
        bias: Shape `(units,)`; it stays as it is.
        features: What the layer receives, shape `(N, C)`, one row an example. They
            are shown in the order of their lead, the narrowest first.
        classes: Names of the units, their numbers by default.
        in_browser: Whether widgets can run; None asks the kernel.

    Returns:
        A display object: the explorer, or a picture of its first state.

    Raises:
        ValueError: If the shapes do not fit each other.
    """
    weights, bias, features = map(np.asarray, (weights, bias, features))
    units = bias.size
    if weights.shape != (*features.shape[1:], units) or features.ndim != 2:
        raise ValueError(
            "`weights` must have the shape (C, units), `bias` (units,), `features` "
            f"(N, C). Received: {weights.shape}, {bias.shape}, {features.shape}"
        )
    names = [str(name) for name in (range(units) if classes is None else classes)]
    if len(names) != units:
        raise ValueError(
            "`classes` must name every unit. "
            f"Received: {len(names)} names for {units} units"
        )
    features = features[np.argsort(lead(features @ weights + bias), kind="stable")]
    knobs = {
        "bits": (range(2, 9), 3),
        "scale": (SCALES, PER_TENSOR),
        "example": (range(1, len(features) + 1), 1),
    }
    return figure_explorer(
        partial(draw, weights, bias, features, names), knobs, in_browser
    )


def rounded(weights, bits, per_unit=False):
    """Rounds weights to a grid with zero in its middle.

    Args:
        weights: Shape `(C, units)`.
        bits: Of the integers that are stored: they reach `2 ** (bits - 1) - 1` on
            either side of zero.
        per_unit: Whether each unit has its own scale.

    Returns:
        The weights that the integers stand for, in the shape of `weights`.
    """
    largest = abs(weights).max(axis=0 if per_unit else None, keepdims=True)
    scales = np.where(largest > 0, largest, 1) / (2 ** (bits - 1) - 1)
    return np.round(weights / scales) * scales


def lead(logits):
    """Computes by how much the largest of each row of logits exceeds the second."""
    second, first = np.sort(logits, axis=-1)[..., -2:].T
    return first - second


def error(values, originals, axis=None):
    """Computes the size of an error in shares of the size of the originals."""
    lost = np.square(values - originals).sum(axis)
    return np.sqrt(lost / np.maximum(np.square(originals).sum(axis), 1e-30))


def draw(weights, bias, features, classes, bits, scale, example):
    """Draws the weights of a unit and their grid, each unit's error, and a decision."""
    results = {kind: rounded(weights, bits, kind == PER_UNIT) for kind in SCALES}
    values = results[scale]
    before, after = (features @ w + bias for w in (weights, values))
    row, was, now = example - 1, before.argmax(1), after.argmax(1)
    unit, decided = was[row], [classes[unit] for unit in (was[row], now[row])]
    figure, (left, middle, right) = _panels(max(map(len, classes)))
    _staircase(left, weights[:, unit], values[:, unit], classes[unit])
    errors = {kind: error(results[kind], weights, axis=0) for kind in SCALES}
    _errors(middle, errors, scale, classes)
    _logits(right, before[row], after[row])
    text = (
        f"{bits} bits, scale: {scale}. The weights are off by "
        f"{error(values, weights):.1%}. Example {example} of {len(features)}, the "
        f"narrowest lead first: {decided[0]} "
        f"{'stays' if was[row] == now[row] else 'becomes'} {decided[1]}. "
        f"Of all examples, {np.mean(was == now):.1%} keep their decision."
    )
    return figures.describe(figure, text)


def _panels(letters):
    """Places three axes side by side, the second behind names of so many letters."""
    figure = Figure(figsize=(7, 3.2), layout="none")  # to lay it out takes too long
    edge = 0.46 - min(0.0095 * letters, 0.2)
    extents = ((0.07, edge), (0.5, 0.7), (0.73, 0.99))  # left, right
    axes = [figure.add_axes((a, 0.15, b - a, 0.77)) for a, b in extents]
    return figure, axes


def _staircase(ax, originals, values, name):
    """Draws the weights of one unit, smallest first, and the steps they fall on."""
    order = np.argsort(originals)
    ax.plot(values[order], drawstyle="steps-mid", label="after", **AFTER, lw=2)
    ax.plot(originals[order], color="0.15", lw=1, label="before")
    ax.set(title=f"weights of {name}", xlabel="from small to large", xticks=[])
    ax.legend(fontsize=8, loc="upper left")


def _errors(ax, errors, scale, classes):
    """Draws each unit's error, filled for the scale that is chosen."""
    rows = range(len(classes))
    for kind, shares in errors.items():
        style = {"ms": 6} if kind == scale else {"ms": 4, "markerfacecolor": "white"}
        ax.plot(100 * shares, rows, "o", **AFTER, **style)
    ax.set(xscale="log", xlim=(0.2, 150), ylim=(len(classes) - 0.5, -0.5))
    ax.set_xticks([1, 10, 100], ["1", "10", "100"])
    ax.minorticks_off()
    ax.set_yticks(rows, classes, fontsize=8)
    ax.grid(axis="x", color="0.9")
    ax.set(title="error (%)", xlabel="hollow: the other scale")


def _logits(ax, before, after):
    """Draws the logits of one example: bars before rounding, dots after it."""
    rows = np.arange(len(before))
    greys = np.where(rows == before.argmax(), "0.6", "0.85")
    ax.barh(rows, before, color=greys)
    sizes = np.where(rows == after.argmax(), 80, 18)
    ax.scatter(after, rows, sizes, zorder=3, edgecolors="0.15", **AFTER)
    ax.set(ylim=(len(before) - 0.5, -0.5), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.set(title="the decision", xlabel="logit")
