"""Images, feature maps and small matrices as pictures."""

import matplotlib.pyplot as plt
import numpy as np


def images(pictures, titles=None, columns=10, figure=None):
    """Shows small pictures in rows.

    Args:
        pictures: Array of shape `(N, H, W, 3)` or `(N, H, W, 1)` with values in [0, 1].
        titles: A text above each picture.
        columns: Pictures in a row.
        figure: Figure to draw into, a new one of 7 inches width by default.

    Returns:
        An array of Axes, one a cell of the grid.

    Raises:
        ValueError: If values lie so far outside [0, 1] that they are of another scale.
    """
    _check_scale(pictures)
    rows = -(-len(pictures) // columns)
    height = 7 / columns * (1.0 if titles is None else 1.3)
    figure = figure or plt.figure(figsize=(7, rows * height))
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for index, (ax, picture) in enumerate(zip(axes.flat, pictures, strict=False)):
        ax.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=1)
        if titles is not None:
            ax.set_title(titles[index], fontsize=8, loc="center")
    return axes


def _check_scale(pictures):
    lowest, highest = np.min(pictures), np.max(pictures)
    if lowest < -1.5 or highest > 2.5:  # noise may leave [0, 1], bytes leave it by far
        raise ValueError(
            "Images must have values in [0, 1]: divide bytes by 255, or load them with "
            f'dtype="float32". Received: values from {lowest:g} to {highest:g}'
        )


def numbers(values, title=None, ax=None):
    """Shows a small matrix as coloured cells with its numbers written in them.

    Args:
        values: Array of shape `(H, W)`.
        title: A text above it.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    limit = max(abs(values).max(), 1e-9)
    ax = feature_map(values, title, limit=limit, ax=ax)
    for gap in np.arange(0.5, max(values.shape)):
        ax.axhline(gap, color="white", lw=1)
        ax.axvline(gap, color="white", lw=1)
    for (row, column), value in np.ndenumerate(values):
        color = "white" if abs(value) > 0.6 * limit else "black"
        ax.text(column, row, f"{value:g}", ha="center", va="center", color=color)
    return ax


def feature_map(values, title=None, signed=True, limit=None, ax=None):
    """Shows one map: signed ones in two colours around zero, others in grey.

    Args:
        values: Array of shape `(H, W)`; in [0, 1] unless signed, and clipped to it.
        title: A text above it.
        signed: Whether zero is the middle of the scale, white.
        limit: Signed value in full colour; by default one in a hundred lies beyond.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    limit = limit or max(np.quantile(abs(values), 0.99), 1e-9)
    scale = {"cmap": "gray", "vmin": 0, "vmax": 1}
    if signed:
        scale = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    ax.imshow(values, **scale)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(visible=True, color="0.7")
    ax.set_title(title, loc="center")
    return ax
