"""Filters to try on an image: kernels that people thought of, and what they cost.

Taught in notebooks/01_convolution_basics.ipynb.
"""

import numpy as np

from cnnlab.convolution.convolve import conv2d
from cnnlab.convolution.geometry import zero_padding

KERNELS = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "vertical edges": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "horizontal edges": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "blur": [[0.11, 0.11, 0.11], [0.11, 0.12, 0.11], [0.11, 0.11, 0.11]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
}
# By channels and groups: each filter's name, and its factor for each channel it sees.
FILTERS = {
    (1, 1): {"output": [1]},
    (3, 1): {
        "grey": [1 / 3, 1 / 3, 1 / 3],
        "red - blue": [1, 0, -1],
        "green - red": [-1, 1, 0],
    },
    (3, 3): {"red alone": [1], "green alone": [1], "blue alone": [1]},
}


def filtered(image, kernel, strides=1, padding="valid", dilation_rate=1, groups=1):
    """Convolves an image and says in words how the sizes came about.

    Args:
        image: Shape `(H, W, C)`, where C is 1 or 3.
        kernel: Shape `(kh, kw)`. A filter has it for each channel that it sees, times
            a factor of `FILTERS`.
        strides, padding, dilation_rate: As in `conv2d`, one integer each.
        groups: 1 or C.

    Returns:
        The maps, shape `(H_out, W_out, C)`, and a text, one line a size.

    Raises:
        ValueError: As `conv2d`.
    """
    factors = np.transpose([*FILTERS[image.shape[2], groups].values()])
    kernels = np.multiply.outer(kernel, factors).astype(np.float32)
    options = (strides, padding, dilation_rate)
    outputs = conv2d(image[None], kernels, *options, groups)[0]
    sizes = image.shape, kernels.shape, outputs.shape
    lines = [
        _size(name, *(shape[axis] for shape in sizes), options)
        for axis, name in enumerate(("height", "width"))
    ]
    height, width, seen, num_filters = kernels.shape
    product = f"{height} * {width} * {seen} channels seen * {num_filters} filters"
    return outputs, "\n".join([*lines, f"weights = {product} = {kernels.size}"])


def _size(name, size, kernel_size, size_out, options):
    """Writes the size formula with its numbers."""
    strides, _, dilation_rate = options
    zeros = sum(zero_padding(size, kernel_size, *options))
    span = (kernel_size - 1) * dilation_rate + 1
    return (
        f"{name} = ({size} + {zeros} zeros - span {span}) // stride {strides} + 1 "
        f"= {size_out}"
    )
