"""Parameters and multiply-accumulates of a convolution and of a dense layer.

Taught in notebooks/01_convolution_basics.ipynb.
"""

import math
from typing import NamedTuple

from cnnlab.convolution.convolve import check_groups
from cnnlab.convolution.geometry import output_size, positive_pair


class Cost(NamedTuple):
    """What a layer stores and what it computes for one image."""

    parameters: int
    multiply_accumulates: int


def conv2d_cost(
    image_shape,
    kernel_size,
    filters,
    strides=1,
    padding="valid",
    dilation_rate=1,
    groups=1,
):
    """Counts what a convolution with a bias stores and computes.

    Args:
        image_shape: `(H, W, C)`.
        kernel_size: Side of the kernel in pixels, one integer or (vertical,
            horizontal).
        filters: Number of filters.
        strides, padding, dilation_rate, groups: As in `conv2d`.

    Returns:
        A `Cost`. Products with padded zeros count, additions of biases do not.

    Raises:
        ValueError: As `conv2d`.
    """
    *sizes, channels = image_shape
    check_groups(groups, channels, filters)
    kernel_size = positive_pair("kernel_size", kernel_size)
    strides = positive_pair("strides", strides)
    dilation = positive_pair("dilation_rate", dilation_rate)
    axes = zip(sizes, kernel_size, strides, (padding, padding), dilation, strict=True)
    positions = math.prod(output_size(*axis) for axis in axes)
    weights = math.prod(kernel_size) * (channels // groups) * filters
    return Cost(weights + filters, weights * positions)


def dense_cost(num_inputs, units):
    """Counts what a dense layer with a bias stores and computes.

    Args:
        num_inputs: Number of numbers that come in.
        units: Number of numbers that go out.

    Returns:
        A `Cost`. Additions of biases do not count.
    """
    return Cost(num_inputs * units + units, num_inputs * units)
