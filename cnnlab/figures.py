"""Figures of the lessons: arrays in, Axes out; all of matplotlib lives here.

Training is dashed and validation solid, one model keeps one colour everywhere, and
a band shows the spread over seeds. Every figure carries an alternative text.
"""

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by colour-blind readers and in grayscale.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

plt.rcParams.update(
    {
        "figure.figsize": (7.0, 3.2),
        "figure.dpi": 100,
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "axes.prop_cycle": cycler(color=COLOURS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "image.cmap": "viridis",
        "image.interpolation": "nearest",
        "legend.frameon": False,
    }
)


def describe(figure, text):
    """Gives a figure the alternative text that readers of the page hear.

    In a notebook the text is stored with the picture, where nbconvert finds it.

    Args:
        figure: Figure to be described, before it is shown.
        text: One or two sentences that say what the figure shows.

    Returns:
        The figure.

    Raises:
        ValueError: If `text` is empty.
    """
    if not text.strip():
        raise ValueError(f"The alternative text must not be empty. Received: {text!r}")
    figure.alternative_text = text
    _store_alternative_text_with_pictures()
    return figure


def _store_alternative_text_with_pictures():
    """Lets IPython's picture of a figure carry the figure's alternative text."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is None:
        return
    formatter = shell.display_formatter.formatters["image/png"]
    draw = formatter.type_printers.get(Figure)
    if draw is None or getattr(draw, "carries_text", False):
        return

    def draw_with_text(figure):
        picture = draw(figure)
        data, metadata = picture if isinstance(picture, tuple) else (picture, {})
        return data, {**metadata, "alt": getattr(figure, "alternative_text", "")}

    draw_with_text.carries_text = True
    formatter.for_type(Figure, draw_with_text)
