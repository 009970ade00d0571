"""Pooling by hand: the largest value or the mean of each window.

Taught in notebooks/01_convolution_basics.ipynb.
Source: Dumoulin and Visin 2016, chapter 3, https://arxiv.org/abs/1603.07285
"""

import numpy as np

from cnnlab.convolution.geometry import (
    float_images,
    pad_images,
    padding_margins,
    positive_pair,
    sliding_windows,
)


def _pool_windows(images, pool_size, strides, padding, fill):
    """Returns pooling windows of `images` surrounded by `fill`, and of its mask."""
    images = float_images(images)
    pool_size = positive_pair("pool_size", pool_size)
    strides = pool_size if strides is None else positive_pair("strides", strides)
    margins = padding_margins(images, pool_size, strides, padding, (1, 1))
    inside = pad_images(np.ones_like(images[:1, :, :, :1]), margins)
    return (
        sliding_windows(pad_images(images, margins, fill), pool_size, strides),
        sliding_windows(inside, pool_size, strides),  # 1 in the image, 0 in its margin
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
    return float_images(images).mean(axis=(1, 2))
