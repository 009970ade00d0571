"""The receptive field of a stack of convolutions, by arithmetic along one axis.

Taught in notebooks/01_convolution_basics.ipynb.
Source: Araujo et al. 2019, https://distill.pub/2019/computing-receptive-fields
"""

from typing import NamedTuple

from cnnlab.convolution.geometry import output_size, zero_padding


class Window(NamedTuple):
    """One convolution or pooling of a stack, along one axis."""

    kernel_size: int
    strides: int = 1
    padding: str = "valid"
    dilation_rate: int = 1


class ReceptiveField(NamedTuple):
    """What one output of a stack sees of the image, along one axis, in pixels."""

    size: int  # pixels that the output depends on
    stride: int  # pixels from the field of one output to that of the next
    centre: float  # position of the middle of the field of output 0


def receptive_field(stack, image_size):
    """Computes what the outputs of a stack of windows see of the image.

    Args:
        stack: Sequence of `Window`, the one nearest to the image first.
        image_size: Length of the image along the axis, in pixels. The size and
            the stride do not depend on it, the centre does under "same".

    Returns:
        A `ReceptiveField`. Near the border a part of it may lie outside the
        image.

    Raises:
        ValueError: If an argument is out of range or a window does not fit.
    """
    size, stride, centre = 1, 1, 0.0
    for window in stack:
        before, _ = zero_padding(image_size, *window)
        reach = (window.kernel_size - 1) * window.dilation_rate
        size += reach * stride
        centre += (reach / 2 - before) * stride
        stride *= window.strides
        image_size = output_size(image_size, *window)
    return ReceptiveField(size, stride, centre)
