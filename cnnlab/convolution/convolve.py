"""Convolution by hand, forward and backward.

Taught in notebooks/01_convolution_basics.ipynb.
Source: Dumoulin and Visin 2016, chapters 2 to 4, https://arxiv.org/abs/1603.07285
Written to be read: use it as a reference, and train with Keras.

"Convolution" is used as in deep learning: the kernel is not flipped, so a
mathematician calls it cross-correlation.
"""

import math

import numpy as np

from cnnlab.convolution.geometry import (
    check_positive,
    float_images,
    output_size,
    pad_images,
    padding_margins,
    positive_pair,
    sliding_windows,
)


def check_groups(groups, channels, filters):
    """Refuses groups that do not split channels and filters evenly."""
    check_positive("groups", groups)
    if channels % groups or filters % groups:
        raise ValueError(
            "`groups` must divide the number of channels and of filters. "
            f"Received: groups={groups}, channels={channels}, filters={filters}"
        )


def _check_conv2d(images, kernels, strides, dilation_rate, groups):
    """Returns the arguments of a convolution in one form, or says what is wrong."""
    images, kernels = float_images(images), np.asarray(kernels)
    if kernels.ndim != 4:
        raise ValueError(
            "`kernels` must have four axes (kh, kw, C // groups, filters). "
            f"Received: kernels.shape={kernels.shape}"
        )
    channels, filters = images.shape[-1], kernels.shape[-1]
    check_groups(groups, channels, filters)
    if kernels.shape[2] != channels // groups:
        raise ValueError(
            "`kernels.shape[2]` must be the channels of the images divided by "
            f"`groups`. Received: kernels.shape={kernels.shape}, "
            f"images.shape={images.shape}, groups={groups}"
        )
    strides = positive_pair("strides", strides)
    return images, kernels, strides, positive_pair("dilation_rate", dilation_rate)


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
    margins = padding_margins(images, kernels.shape[:2], strides, padding, dilation)
    padded = pad_images(images, margins)
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
    margins = padding_margins(images, kernels.shape[:2], strides, padding, dilation)
    windows = sliding_windows(
        pad_images(images, margins), kernels.shape[:2], strides, dilation
    )
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
    margins = padding_margins(images, kernels.shape[:2], strides, padding, dilation)
    windows = sliding_windows(
        pad_images(images, margins), kernels.shape[:2], strides, dilation
    )
    output_gradients = np.asarray(output_gradients)
    shape = (*windows.shape[:3], filters)
    if output_gradients.shape != shape:
        raise ValueError(
            "`output_gradients` must have the shape of the feature maps, "
            f"{shape}. Received: output_gradients.shape={output_gradients.shape}"
        )
    to_images = pad_images(np.zeros_like(images), margins)
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
    """Sums the gradient of a weight over all positions where it was used."""
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
