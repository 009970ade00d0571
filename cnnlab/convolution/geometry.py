"""How many windows fit into an image, how much padding they need, and where they lie.

Taught in notebooks/01_convolution_basics.ipynb.
Source: Dumoulin and Visin 2016, chapter 2, https://arxiv.org/abs/1603.07285
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def _is_positive(value):
    return isinstance(value, (int, np.integer)) and value >= 1


def check_positive(name, value):
    """Refuses everything but an integer of at least 1."""
    if not _is_positive(value):
        raise ValueError(
            f"`{name}` must be an integer of at least 1. Received: {name}={value}"
        )


def positive_pair(name, value):
    """Returns `value`, an integer or two integers, as (vertical, horizontal)."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2 or not all(map(_is_positive, pair)):
        raise ValueError(
            f"`{name}` must be an integer of at least 1, or two of them. "
            f"Received: {name}={value}"
        )
    return pair


def float_images(images):
    """Returns images as a float array, after checking that it has four axes."""
    images = np.asarray(images)
    if images.ndim != 4:
        raise ValueError(
            "`images` must have four axes (B, H, W, C). "
            f"Received: images.shape={images.shape}"
        )
    return images.astype(np.result_type(images, np.float32), copy=False)


def output_size(size, kernel_size, strides=1, padding="valid", dilation_rate=1):
    """Counts the positions that a kernel takes along one axis.

    Args:
        size: Length of the image along the axis, in pixels.
        kernel_size: Length of the kernel along the axis, in pixels.
        strides: Pixels from one position to the next.
        padding: "valid" (stay inside the image) or "same" (surround it with
            zeros, so that stride 1 keeps the size).
        dilation_rate: Pixels from one kernel weight to the next.

    Returns:
        The number of positions, an integer.

    Raises:
        ValueError: If an argument is out of range, or the kernel does not fit.
    """
    for name, value in [
        ("size", size),
        ("kernel_size", kernel_size),
        ("strides", strides),
        ("dilation_rate", dilation_rate),
    ]:
        check_positive(name, value)
    if padding == "same":
        return -(-size // strides)  # rounded up
    if padding != "valid":
        raise ValueError(
            f'`padding` must be "valid" or "same". Received: padding={padding!r}'
        )
    span = (kernel_size - 1) * dilation_rate + 1
    if span > size:
        raise ValueError(
            'With padding="valid" the kernel must fit into the image. Received: '
            f"a kernel that spans {span} pixels, an image of {size} pixels"
        )
    return (size - span) // strides + 1


def zero_padding(size, kernel_size, strides=1, padding="valid", dilation_rate=1):
    """Counts the zeros put before and after an image along one axis.

    When their number is odd, the extra zero goes after, as in TensorFlow.

    Args:
        size, kernel_size, strides, padding, dilation_rate: As in `output_size`.

    Returns:
        Two integers: zeros before, zeros after.

    Raises:
        ValueError: As `output_size`.
    """
    positions = output_size(size, kernel_size, strides, padding, dilation_rate)
    if padding == "valid":
        return 0, 0
    span = (kernel_size - 1) * dilation_rate + 1
    total = max((positions - 1) * strides + span - size, 0)
    return total // 2, total - total // 2


def padding_margins(images, kernel_size, strides, padding, dilation_rate):
    """Returns the zeros (before, after) along the vertical and horizontal axis."""
    paddings = (padding, padding)
    axes = zip(
        images.shape[1:3], kernel_size, strides, paddings, dilation_rate, strict=True
    )
    return [zero_padding(*axis) for axis in axes]


def pad_images(images, margins, fill=0.0):
    """Surrounds images by margins of `fill`."""
    return np.pad(images, ((0, 0), *margins, (0, 0)), constant_values=fill)


def sliding_windows(padded, kernel_size, strides, dilation_rate=(1, 1)):
    """Views all windows of padded images, `(B, H_out, W_out, kh, kw, C)`."""
    spans = [(k - 1) * d + 1 for k, d in zip(kernel_size, dilation_rate, strict=True)]
    views = sliding_window_view(padded, spans, axis=(1, 2))
    down, right = strides
    rows, columns = dilation_rate
    views = views[:, ::down, ::right, :, ::rows, ::columns]
    return views.transpose(0, 1, 2, 4, 5, 3)  # no number is copied yet
