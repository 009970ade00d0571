"""An explorer of convolution: turn kernel, stride, padding, groups, see the maps.

Taught in notebooks/01_convolution_basics.ipynb.
"""

import io
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imsave

from cnnlab import figures
from cnnlab.widgets.display import (
    EXPLORER,
    Explorer,
    Picture,
    asked_by_a_browser,
    image_tag,
)
from cnnlab.widgets.filters import FILTERS, KERNELS, filtered

START = "vertical edges"
PIXELS_SHOWN = {1: 260, 3: 190}  # width of a picture on the page, by channels


def convolution_explorer(image, in_browser=None):
    """Lets a learner change a 3x3 kernel, stride, padding, dilation and groups.

    Args:
        image: Shape `(H, W)`, or `(H, W, 3)`, which can be split into groups; values
            in [0, 1]. The larger, the slower the answer: the experiment
            `convolution_speed` holds 300x300 grey pixels to 150 ms.
        in_browser: Whether widgets can run; None asks the kernel.

    Returns:
        A display object: the explorer, or a picture of its first state.

    Raises:
        ValueError: If `image` has another shape.
    """
    image = np.asarray(image, np.float32)
    if image.ndim != 2 and image.shape[2:] != (3,):
        raise ValueError(
            "`image` must have the shape (H, W) or (H, W, 3). "
            f"Received: image.shape={image.shape}"
        )
    image = image.reshape(*image.shape[:2], -1)  # (H, W, C)
    in_browser = asked_by_a_browser() if in_browser is None else in_browser
    return _Explorer(image) if in_browser else Picture(partial(_static_figure, image))


def _static_figure(image):
    """Draws the first state of the explorer: image, kernel, outputs, sizes."""
    kernel, filters = np.array(KERNELS[START]), FILTERS[image.shape[2], 1]
    outputs, text = filtered(image, kernel)
    figure, axes = _panels(filters)
    axes["image"].imshow(image, cmap="gray", vmin=0, vmax=1)
    axes["image"].set_axis_off()
    axes["image"].set_title("image", loc="center")
    figures.numbers(kernel, "kernel", ax=axes["kernel"])
    for name, values in zip(filters, np.moveaxis(outputs, 2, 0), strict=True):
        figures.feature_map(values, name, ax=axes[name])
    figure.supxlabel(text, fontsize=8)
    return figures.describe(
        figure,
        f"Explorer: an image, the kernel for {START}, and what it makes of it "
        f"({', '.join(filters)}): vertical edges are red or blue. {text}",
    )


def _panels(filters):
    """Lays out one output beside image and kernel, several below their factors."""
    if len(filters) == 1:
        figure, ratios = Figure(figsize=(7, 2.6)), (3, 1.5, 3)
        return figure, figure.subplot_mosaic(
            [["image", "kernel", *filters]], width_ratios=ratios
        )
    figure = Figure(figsize=(7, 4.2))
    axes = figure.subplot_mosaic([["image", "kernel", "factors"], [*filters]])
    factors = np.round(np.transpose([*filters.values()]), 2)
    figures.numbers(factors, "its factor in each map", ax=axes["factors"])
    axes["factors"].set_yticks(range(3), ["red", "green", "blue"], fontsize=8)
    return figure, axes


class _Explorer(Explorer):
    """Nine weights and three options, and what they make of the image."""

    def __init__(self, image):
        import ipywidgets

        super().__init__(partial(_static_figure, image))
        self.image, self.muted = image, False
        self.cells = [
            ipywidgets.FloatText(
                value=value,
                step=0.5,
                description=f"row {row + 1}, column {column + 1}",
                style={"description_width": "115px"},
                layout={"width": "195px"},
            )
            for (row, column), value in np.ndenumerate(np.array(KERNELS[START], float))
        ]
        self.preset = ipywidgets.Dropdown(
            options=list(KERNELS), value=START, description="kernel"
        )
        steps = {"value": 1, "min": 1, "max": 8, "layout": {"width": "195px"}}
        self.strides = ipywidgets.BoundedIntText(description="stride", **steps)
        self.dilation_rate = ipywidgets.BoundedIntText(description="dilation", **steps)
        self.padding = ipywidgets.Dropdown(
            options=["valid", "same"], description="padding", layout={"width": "195px"}
        )
        counts = [groups for channels, groups in FILTERS if channels == image.shape[2]]
        self.groups = ipywidgets.Dropdown(
            options=counts, description="groups", layout={"width": "195px"}
        )
        self.output = ipywidgets.HTML()
        self.box = self._arrange(ipywidgets)
        self.preset.observe(self._take_preset, "value")
        for knob in self._knobs():
            knob.observe(self.redraw, "value")
        self.redraw()

    def _knobs(self):
        return [*self.cells, *self._options()]

    def _options(self):
        """Lists what can be chosen beside the kernel; one group is no choice."""
        options = [self.strides, self.padding, self.dilation_rate, self.groups]
        return options[: 3 if len(self.groups.options) == 1 else 4]

    def _arrange(self, ipywidgets):
        """Puts the kernel above the knobs, and what they make beneath."""
        grid = ipywidgets.GridBox(
            self.cells, layout={"grid_template_columns": "repeat(3, 200px)"}
        )
        options = ipywidgets.HBox(self._options(), layout={"flex_flow": "row wrap"})
        children = [self.preset, grid, options, self.output]
        return ipywidgets.VBox(children).add_class(EXPLORER)

    def _take_preset(self, change):
        """Writes a named kernel into the nine cells, and draws once."""
        values = np.ravel(KERNELS[change["new"]])
        self.muted = True
        for cell, value in zip(self.cells, values, strict=True):
            cell.value = float(value)
        self.muted = False
        self.redraw()

    def redraw(self, change=None):
        """Convolves with what the knobs say and shows image, outputs and sizes."""
        if self.muted:
            return
        kernel = np.reshape([cell.value for cell in self.cells], (3, 3))
        options = (self.strides.value, self.padding.value, self.dilation_rate.value)
        groups = self.groups.value
        try:
            outputs, text = filtered(self.image, kernel, *options, groups)
        except ValueError as error:
            self.output.value = f'<p role="status">{error}</p>'
            return
        filters, maps = FILTERS[self.image.shape[2], groups], np.moveaxis(outputs, 2, 0)
        pictures = {
            "image": self.image.squeeze(),
            **dict(zip(filters, maps, strict=True)),
        }
        width = PIXELS_SHOWN[len(maps)]
        html = "".join(_as_html(*picture, width) for picture in pictures.items())
        self.output.value = f'{html}<pre role="status">{text}</pre>'


def _as_html(name, values, width):
    """Writes a map or an image as a picture in HTML, with a caption, its text too."""
    signed = bool(values.min() < -0.05)
    limit = max(float(abs(values).max()), 1e-9) if signed else 1.0
    scale = (
        {"cmap": "RdBu_r", "vmin": -limit} if signed else {"cmap": "gray", "vmin": 0}
    )
    values, file = np.minimum(values, limit).clip(scale["vmin"]), io.BytesIO()
    imsave(file, values, format="png", vmax=limit, **scale)
    meaning = "red above zero, blue below" if signed else "black 0, white 1"
    text = f"{name}: {values.shape[0]} x {values.shape[1]}"
    if values.ndim == 2:
        text += f", {meaning}"
    style = f"width:{width}px;image-rendering:pixelated"
    return (
        f'<figure style="display:inline-block;margin:4px;width:{width}px;'
        f'vertical-align:top">{image_tag(file.getvalue(), text, style)}'
        f'<figcaption style="line-height:1.4">{text}</figcaption></figure>'
    )
