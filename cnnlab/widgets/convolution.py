"""An explorer of convolution: turn kernel, stride, padding, dilation, see the map.

Taught in notebooks/01_convolution_basics.ipynb.
"""

import base64
import io
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imsave

from cnnlab import figures
from cnnlab.convolution import conv2d, zero_padding
from cnnlab.widgets.display import Explorer, Picture, asked_by_a_browser

KERNELS = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "vertical edges": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "horizontal edges": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "blur": [[0.11, 0.11, 0.11], [0.11, 0.12, 0.11], [0.11, 0.11, 0.11]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
}
START = "vertical edges"
PIXELS_SHOWN = 260  # side of a picture on the page


def convolution_explorer(image, in_browser=None):
    """Lets a learner change a 3x3 kernel, stride, padding and dilation.

    Args:
        image: Grey image, shape `(H, W)`, values in [0, 1]. The larger, the slower
            the answer: benchmarks/convolution.py holds 300x300 pixels to 150 ms.
        in_browser: Whether widgets can run; None asks the kernel.

    Returns:
        A display object: the explorer, or a picture of its first state.

    Raises:
        ValueError: If `image` does not have two axes.
    """
    image = np.asarray(image, np.float32)
    if image.ndim != 2:
        raise ValueError(
            f"`image` must have two axes (H, W). Received: image.shape={image.shape}"
        )
    in_browser = asked_by_a_browser() if in_browser is None else in_browser
    return _Explorer(image) if in_browser else Picture(partial(_static_figure, image))


def filtered(image, kernel, strides=1, padding="valid", dilation_rate=1):
    """Convolves a grey image and says in words how its size came about.

    Args:
        image: Shape `(H, W)`.
        kernel: Shape `(kh, kw)`.
        strides, padding, dilation_rate: As in `conv2d`, one integer each.

    Returns:
        The map, shape `(H_out, W_out)`, and a text of two lines.

    Raises:
        ValueError: As `conv2d`.
    """
    kernels = np.asarray(kernel, np.float32)[..., None, None]
    options = (strides, padding, dilation_rate)
    outputs = conv2d(image[None, ..., None], kernels, *options)[0, ..., 0]
    texts = [
        _arithmetic(name, size, kernel_size, size_out, options)
        for name, size, kernel_size, size_out in zip(
            ("height", "width"),
            image.shape,
            np.shape(kernel),
            outputs.shape,
            strict=True,
        )
    ]
    return outputs, "\n".join(texts)


def _arithmetic(name, size, kernel_size, size_out, options):
    """Writes the size formula with its numbers."""
    strides, _, dilation_rate = options
    zeros = sum(zero_padding(size, kernel_size, *options))
    span = (kernel_size - 1) * dilation_rate + 1
    return (
        f"{name} = ({size} + {zeros} zeros - span {span}) // stride {strides} + 1 "
        f"= {size_out}"
    )


def _static_figure(image):
    """Draws the first state of the explorer: image, kernel, output, size."""
    kernel = np.array(KERNELS[START])
    outputs, text = filtered(image, kernel)
    figure = Figure(figsize=(7, 2.6))
    left, middle, right = figure.subplots(1, 3, width_ratios=(3, 1.5, 3))
    figures.feature_map(image, "image", signed=False, ax=left)
    figures.numbers(kernel, "kernel", ax=middle)
    figures.feature_map(outputs, "output", ax=right)
    figure.supxlabel(text, fontsize=8)
    return figures.describe(
        figure,
        f"Explorer: a grey image, the kernel for {START}, and its output, in which "
        f"vertical edges are red or blue. {text}",
    )


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
        self.output = ipywidgets.HTML()
        self.box = self._arrange(ipywidgets)
        self.preset.observe(self._take_preset, "value")
        for knob in self._knobs():
            knob.observe(self.redraw, "value")
        self.redraw()

    def _knobs(self):
        return [*self.cells, self.strides, self.padding, self.dilation_rate]

    def _arrange(self, ipywidgets):
        """Puts the kernel above the knobs, and what they make beneath."""
        grid = ipywidgets.GridBox(
            self.cells, layout={"grid_template_columns": "repeat(3, 200px)"}
        )
        knobs = [self.strides, self.padding, self.dilation_rate]
        return ipywidgets.VBox([self.preset, grid, ipywidgets.HBox(knobs), self.output])

    def _take_preset(self, change):
        """Writes a named kernel into the nine cells, and draws once."""
        values = np.ravel(KERNELS[change["new"]])
        self.muted = True
        for cell, value in zip(self.cells, values, strict=True):
            cell.value = float(value)
        self.muted = False
        self.redraw()

    def redraw(self, change=None):
        """Convolves with what the knobs say and shows image, output and sizes."""
        if self.muted:
            return
        kernel = np.reshape([cell.value for cell in self.cells], (3, 3))
        options = (self.strides.value, self.padding.value, self.dilation_rate.value)
        try:
            outputs, text = filtered(self.image, kernel, *options)
        except ValueError as error:
            self.output.value = f'<p role="status">{error}</p>'
            return
        pictures = _as_html(self.image, False, "the image")
        signed = bool(outputs.min() < -0.05)
        scale = "red above zero, blue below" if signed else "black 0, white 1"
        pictures += _as_html(outputs, signed, f"the output, {scale}")
        self.output.value = f'{pictures}<pre role="status">{text}</pre>'


def _as_html(values, signed, what):
    """Writes a map as a picture in HTML, with a caption that is its text too."""
    limit = max(float(abs(values).max()), 1e-9) if signed else 1.0
    file = io.BytesIO()
    imsave(
        file,
        values,
        format="png",
        cmap="RdBu_r" if signed else "gray",
        vmin=-limit if signed else 0.0,
        vmax=limit,
    )
    source = base64.b64encode(file.getvalue()).decode()
    height, width = values.shape
    text = f"{what}: {height} x {width}"
    return (
        f'<figure style="display:inline-block;margin:4px"><img alt="{text}" '
        f'src="data:image/png;base64,{source}" width="{PIXELS_SHOWN}" '
        f'style="image-rendering:pixelated"><figcaption>{text}</figcaption></figure>'
    )
