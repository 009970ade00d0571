"""Convolution, pooling and activations by hand, in NumPy alone.

Taught in notebooks/01_convolution_basics.ipynb.
Source: Dumoulin and Visin 2016, chapters 2 to 4, https://arxiv.org/abs/1603.07285;
receptive fields: Araujo et al. 2019, https://distill.pub/2019/computing-receptive-fields
Verdict: made for reading. Trust it as a reference; train with Keras.

"Convolution" is used as in deep learning: the kernel is not flipped, so a
mathematician calls it cross-correlation.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

# What comes in, and how large what goes out is


def _is_positive(value):
    return isinstance(value, (int, np.integer)) and value >= 1


def _check_positive(name, value):
    """Refuses everything but an integer of at least 1."""
    if not _is_positive(value):
        raise ValueError(
            f"`{name}` must be an integer of at least 1. Received: {name}={value}"
        )


def _positive_pair(name, value):
    """Returns `value`, an integer or two integers, as (vertical, horizontal)."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2 or not all(map(_is_positive, pair)):
        raise ValueError(
            f"`{name}` must be an integer of at least 1, or two of them. "
            f"Received: {name}={value}"
        )
    return pair


def _float_images(images):
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
        _check_positive(name, value)
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


def _margins(images, kernel_size, strides, padding, dilation_rate):
    """Returns the zeros (before, after) along the vertical and horizontal axis."""
    paddings = (padding, padding)
    axes = zip(
        images.shape[1:3], kernel_size, strides, paddings, dilation_rate, strict=True
    )
    return [zero_padding(*axis) for axis in axes]


def _pad(images, margins, fill=0.0):
    """Surrounds images by margins of `fill`."""
    return np.pad(images, ((0, 0), *margins, (0, 0)), constant_values=fill)


def _windows(padded, kernel_size, strides, dilation_rate=(1, 1)):
    """Views all windows of padded images, `(B, H_out, W_out, kh, kw, C)`."""
    spans = [(k - 1) * d + 1 for k, d in zip(kernel_size, dilation_rate, strict=True)]
    views = sliding_window_view(padded, spans, axis=(1, 2))
    down, right = strides
    rows, columns = dilation_rate
    views = views[:, ::down, ::right, :, ::rows, ::columns]
    return views.transpose(0, 1, 2, 4, 5, 3)  # no number is copied yet


# Convolution, forward and backward


def _check_groups(groups, channels, filters):
    """Refuses groups that do not split channels and filters evenly."""
    _check_positive("groups", groups)
    if channels % groups or filters % groups:
        raise ValueError(
            "`groups` must divide the number of channels and of filters. "
            f"Received: groups={groups}, channels={channels}, filters={filters}"
        )


def _check_conv2d(images, kernels, strides, dilation_rate, groups):
    """Returns the arguments of a convolution in one form, or says what is wrong."""
    images, kernels = _float_images(images), np.asarray(kernels)
    if kernels.ndim != 4:
        raise ValueError(
            "`kernels` must have four axes (kh, kw, C // groups, filters). "
            f"Received: kernels.shape={kernels.shape}"
        )
    channels, filters = images.shape[-1], kernels.shape[-1]
    _check_groups(groups, channels, filters)
    if kernels.shape[2] != channels // groups:
        raise ValueError(
            "`kernels.shape[2]` must be the channels of the images divided by "
            f"`groups`. Received: kernels.shape={kernels.shape}, "
            f"images.shape={images.shape}, groups={groups}"
        )
    strides = _positive_pair("strides", strides)
    return images, kernels, strides, _positive_pair("dilation_rate", dilation_rate)


def _group_slices(groups, channels, filters):
    """Yields for each group the slice of channels and of filters that it owns."""
    channels, filters = channels // groups, filters // groups
    for group in range(groups):
        yield (
            slice(group * channels, (group + 1) * channels),
            slice(group * filters, (group + 1) * filters),
        )


def conv2d_loops(
    images, kernels, strides=1, padding="valid", dilation_rate=1, groups=1
):
    """Convolves images with kernels, one output number at a time.

    The definition in code, and slow. `conv2d` computes the same numbers.

    Args:
        images, kernels, strides, padding, dilation_rate, groups: As in `conv2d`.

    Returns:
        Feature maps, shape `(B, H_out, W_out, filters)`.

    Raises:
        ValueError: As `conv2d`.
    """
    images, kernels, strides, dilation = _check_conv2d(
        images, kernels, strides, dilation_rate, groups
    )
    kernel_height, kernel_width, channels, filters = kernels.shape
    margins = _margins(images, kernels.shape[:2], strides, padding, dilation)
    padded = _pad(images, margins)
    height = output_size(
        padded.shape[1], kernel_height, strides[0], dilation_rate=dilation[0]
    )
    width = output_size(
        padded.shape[2], kernel_width, strides[1], dilation_rate=dilation[1]
    )
    outputs = np.zeros((len(images), height, width, filters), padded.dtype)
    for image, y, x, member in np.ndindex(outputs.shape):
        first = member // (filters // groups) * channels  # channel of its group
        total = 0.0
        for i, j, channel in np.ndindex(kernel_height, kernel_width, channels):
            row = y * strides[0] + i * dilation[0]
            column = x * strides[1] + j * dilation[1]
            pixel = padded[image, row, column, first + channel]
            total += pixel * kernels[i, j, channel, member]
        outputs[image, y, x, member] = total
    return outputs


def conv2d(images, kernels, strides=1, padding="valid", dilation_rate=1, groups=1):
    """Convolves images with kernels: all windows in one matrix product per group.

    Args:
        images: Array of shape `(B, H, W, C)`.
        kernels: Array of shape `(kh, kw, C // groups, filters)`.
        strides: Pixels from one position to the next, one integer or
            (vertical, horizontal).
        padding: "valid" or "same", see `output_size`.
        dilation_rate: Pixels from one kernel weight to the next, one integer or
            (vertical, horizontal). Unlike Keras, any stride goes with it.
        groups: Number of parts into which channels and filters are split; a
            filter sees the channels of its own part only.

    Returns:
        Feature maps, shape `(B, H_out, W_out, filters)`.

    Raises:
        ValueError: If shapes do not match, an argument is out of range, or the
            kernel does not fit into the image.
    """
    images, kernels, strides, dilation = _check_conv2d(
        images, kernels, strides, dilation_rate, groups
    )
    channels, filters = images.shape[-1], kernels.shape[-1]
    margins = _margins(images, kernels.shape[:2], strides, padding, dilation)
    windows = _windows(_pad(images, margins), kernels.shape[:2], strides, dilation)
    shape = (*windows.shape[:3], filters)  # (B, H_out, W_out, filters)
    outputs = np.empty((math.prod(shape[:3]), filters), np.result_type(images, kernels))
    for inputs, members in _group_slices(groups, channels, filters):
        rows = windows[..., inputs].reshape(len(outputs), -1)  # one window a row
        weights = kernels[..., members].reshape(rows.shape[1], -1)
        np.matmul(rows, weights, out=outputs[:, members])
    return outputs.reshape(shape)


def conv2d_gradients(
    images,
    kernels,
    output_gradients,
    strides=1,
    padding="valid",
    dilation_rate=1,
    groups=1,
):
    """Carries the gradient of a loss back through `conv2d`.

    Args:
        images, kernels, strides, padding, dilation_rate, groups: As in `conv2d`.
        output_gradients: Gradient of the loss with respect to the feature maps,
            shape `(B, H_out, W_out, filters)`.

    Returns:
        Gradients with respect to `images` and to `kernels`, in their shapes.

    Raises:
        ValueError: As `conv2d`, or if `output_gradients` has another shape than
            the feature maps.
    """
    images, kernels, strides, dilation = _check_conv2d(
        images, kernels, strides, dilation_rate, groups
    )
    channels, filters = images.shape[-1], kernels.shape[-1]
    margins = _margins(images, kernels.shape[:2], strides, padding, dilation)
    windows = _windows(_pad(images, margins), kernels.shape[:2], strides, dilation)
    output_gradients = np.asarray(output_gradients)
    shape = (*windows.shape[:3], filters)
    if output_gradients.shape != shape:
        raise ValueError(
            "`output_gradients` must have the shape of the feature maps, "
            f"{shape}. Received: output_gradients.shape={output_gradients.shape}"
        )
    to_images = _pad(np.zeros_like(images), margins)
    to_kernels = np.empty_like(kernels, to_images.dtype)
    for inputs, members in _group_slices(groups, channels, filters):
        arriving = output_gradients[..., members]
        to_kernels[..., members] = _sum_over_positions(windows[..., inputs], arriving)
        to_group = to_images[..., inputs]  # a view: what is added below stays
        _scatter(arriving, kernels[..., members], to_group, strides, dilation)
    (top, _), (left, _) = margins
    height, width = images.shape[1:3]
    return to_images[:, top : top + height, left : left + width], to_kernels


def _sum_over_positions(windows, arriving):
    """Sums the gradient of a weight over all places where it was used."""
    positions = (0, 1, 2)  # image, row, column
    return np.tensordot(windows, arriving, axes=(positions, positions))


def _scatter(arriving, kernels, to_images, strides, dilation_rate):
    """Adds to each pixel what flows back to it through each kernel weight."""
    height, width = arriving.shape[1:3]
    for i, j in np.ndindex(kernels.shape[:2]):
        top, left = i * dilation_rate[0], j * dilation_rate[1]
        rows = slice(top, top + (height - 1) * strides[0] + 1, strides[0])
        columns = slice(left, left + (width - 1) * strides[1] + 1, strides[1])
        to_images[:, rows, columns] += arriving @ kernels[i, j].T


# Pooling


def _pool_windows(images, pool_size, strides, padding, fill):
    """Returns pooling windows of `images` surrounded by `fill`, and of its mask."""
    images = _float_images(images)
    pool_size = _positive_pair("pool_size", pool_size)
    strides = pool_size if strides is None else _positive_pair("strides", strides)
    margins = _margins(images, pool_size, strides, padding, (1, 1))
    inside = _pad(np.ones_like(images[:1, :, :, :1]), margins)
    return (
        _windows(_pad(images, margins, fill), pool_size, strides),
        _windows(inside, pool_size, strides),  # 1 in the image, 0 in its margin
    )


def max_pool2d(images, pool_size=2, strides=None, padding="valid"):
    """Keeps the largest value of each window, channel by channel.

    Args:
        images: Array of shape `(B, H, W, C)`.
        pool_size: Side of the window in pixels, one integer or (vertical,
            horizontal).
        strides: Pixels from one window to the next; None means `pool_size`.
        padding: "valid" or "same"; the margin of "same" never wins.

    Returns:
        Pooled maps, shape `(B, H_out, W_out, C)`.

    Raises:
        ValueError: If an argument is out of range or a window does not fit.
    """
    windows, _ = _pool_windows(images, pool_size, strides, padding, fill=-np.inf)
    return windows.max(axis=(3, 4))


def average_pool2d(images, pool_size=2, strides=None, padding="valid"):
    """Averages each window, channel by channel.

    Args:
        images, pool_size, strides, padding: As in `max_pool2d`; the margin of
            "same" is not counted, as in Keras.

    Returns:
        Pooled maps, shape `(B, H_out, W_out, C)`.

    Raises:
        ValueError: As `max_pool2d`.
    """
    windows, inside = _pool_windows(images, pool_size, strides, padding, fill=0.0)
    return windows.sum(axis=(3, 4)) / inside.sum(axis=(3, 4))


def global_average_pool2d(images):
    """Averages each channel over the whole image.

    Args:
        images: Array of shape `(B, H, W, C)`.

    Returns:
        Array of shape `(B, C)`.

    Raises:
        ValueError: If `images` does not have four axes.
    """
    return _float_images(images).mean(axis=(1, 2))


# What a stack sees, and what a layer costs


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
    _check_groups(groups, channels, filters)
    kernel_size = _positive_pair("kernel_size", kernel_size)
    strides = _positive_pair("strides", strides)
    dilation = _positive_pair("dilation_rate", dilation_rate)
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


# Activations and their slopes


def relu(x):
    """Cuts off what is negative."""
    return np.maximum(x, 0.0)


def relu_gradient(x):
    """Returns the slope of `relu`, taken as 0 at `x = 0`."""
    return np.where(x > 0, 1.0, 0.0)


def leaky_relu(x, negative_slope=0.2):
    """Scales down what is negative, instead of cutting it off."""
    return np.where(x > 0, x, negative_slope * x)


def leaky_relu_gradient(x, negative_slope=0.2):
    """Returns the slope of `leaky_relu`."""
    return np.where(x > 0, 1.0, negative_slope)


def prelu(x, alpha):
    """Is `leaky_relu` whose slope `alpha`, one per channel, is learned."""
    return leaky_relu(x, alpha)


def prelu_gradient(x, alpha):
    """Returns the slope of `prelu` in `x`."""
    return leaky_relu_gradient(x, alpha)


def prelu_alpha_gradient(x):
    """Returns the slope of `prelu` in `alpha`."""
    return np.minimum(x, 0.0)


def elu(x, alpha=1.0):
    """Saturates smoothly at `-alpha` for negative `x`."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def elu_gradient(x, alpha=1.0):
    """Returns the slope of `elu`."""
    return np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0.0)))


def relu6(x):
    """Cuts off what is below 0 and above 6: a range fit for 8-bit numbers."""
    return np.clip(x, 0.0, 6.0)


def relu6_gradient(x):
    """Returns the slope of `relu6`, taken as 0 at both bends."""
    return np.where((x > 0) & (x < 6), 1.0, 0.0)


def _sigmoid(x):
    """Computes the logistic function without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * np.asarray(x)))


def swish(x):
    """Multiplies `x` by its own sigmoid; also called SiLU."""
    return x * _sigmoid(x)


def swish_gradient(x):
    """Returns the slope of `swish`."""
    gate = _sigmoid(x)
    return gate + x * gate * (1.0 - gate)


_erf = np.vectorize(math.erf, otypes=[np.float64])  # NumPy has none


def _normal_share(x):
    """Returns the share of a standard normal distribution that lies below `x`."""
    return 0.5 * (1.0 + _erf(np.asarray(x) / math.sqrt(2.0)))


def gelu(x):
    """Multiplies `x` by the share of a normal distribution below it (exact form)."""
    return x * _normal_share(x)


def gelu_gradient(x):
    """Returns the slope of `gelu`."""
    density = np.exp(-0.5 * np.square(x)) / math.sqrt(2.0 * math.pi)
    return _normal_share(x) + x * density
