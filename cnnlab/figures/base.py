"""What all figures share: style, colours, alternative texts, sharp pictures.

One model keeps one colour in the whole curriculum. Every figure carries an alternative
text, and a page gets it with two pixels for one, so that it is sharp on dense screens.
"""

import base64
import io
import itertools

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.figure import Figure
from PIL import Image

# Okabe and Ito's palette: told apart by colour-blind readers. In grayscale some colours
# come close to each other, so every line has a marker or a dash of its own.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MODEL_COLOURS = {"modern CNN": COLOURS[0], "simple CNN": COLOURS[1]}
OTHER_COLOURS = COLOURS[len(MODEL_COLOURS) :]
MARKERS = "os^Dv<>"
MODEL_MARKERS = {"modern CNN": MARKERS[0], "simple CNN": MARKERS[1]}
SHARPNESS = 2  # pixels of a stored picture for one of the page


def set_style():
    """Sets Matplotlib's defaults for every figure of the lessons."""
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

    In a notebook the text is stored with the picture, where nbconvert finds it: the
    first call makes IPython draw every figure with `picture`.

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
    draw_with_picture_in_notebooks()
    return figure


def picture(figure):
    """Draws a figure as a PNG in 256 colours, a third of the bytes of all colours.

    Args:
        figure: Figure, described with `describe`.

    Returns:
        The PNG in base64, and a dict for the page: `width` and `height` at which to
        show it, in pixels, and its text, `alt`.
    """
    every_colour, file = io.BytesIO(), io.BytesIO()
    dpi = SHARPNESS * figure.dpi
    figure.savefig(every_colour, format="png", dpi=dpi, bbox_inches="tight")
    image = Image.open(every_colour).convert("RGB").quantize(dither=Image.Dither.NONE)
    image.save(file, format="png", optimize=True)
    width, height = (side // SHARPNESS for side in image.size)
    text = getattr(figure, "alternative_text", "")
    png = base64.b64encode(file.getvalue()).decode()
    return png, {"width": width, "height": height, "alt": text}


def draw_with_picture_in_notebooks():
    """Lets IPython draw with `picture`, where it draws figures at all."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is None:
        return
    formatter = shell.display_formatter.formatters["image/png"]
    if Figure in formatter.type_printers:
        formatter.for_type(Figure, lambda f: picture(f) if f.axes else None)


def line_styles(names):
    """Returns the colour and marker of each line; a known model keeps its own."""
    others = itertools.cycle(zip(OTHER_COLOURS, MARKERS[len(MODEL_MARKERS) :]))
    known = {name: (MODEL_COLOURS[name], MODEL_MARKERS[name]) for name in MODEL_COLOURS}
    pairs = [known.get(name) or next(others) for name in names]
    return [{"color": color, "marker": marker} for color, marker in pairs]
