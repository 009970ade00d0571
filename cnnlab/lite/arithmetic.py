"""Integers that stand for real numbers, and a layer computed with them alone.

Taught in notebooks/15_tflite_quantization.ipynb.
Source: Jacob et al. 2018, sections 2.1 to 2.4, https://arxiv.org/abs/1712.05877;
    TFLite's rules, https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec

A real number is `scale * (integer - zero_point)`. A layer multiplies and adds integers,
and only the way back to eight bits, `requantize`, needs the scales. TFLite's kernels
agree on the sums and not on that way: XNNPACK, which runs unless it is turned off,
multiplies in float32; the reference kernels use integers alone, and round once in dense
layers and twice in convolutions. One result in about a thousand differs by 1.
"""

import numpy as np


def scale_and_zero_point(low, high, dtype=np.int8):
    """Chooses the grid of integers that covers a range of real numbers.

    The range is widened to hold 0, which must have an integer of its own: padding
    writes it.

    Args:
        low: Smallest number to be represented.
        high: Largest number to be represented.
        dtype: Integer type.

    Returns:
        `scale, zero_point`: the step between neighbours, a float, and the integer
        that stands for 0.

    Raises:
        ValueError: If `low` and `high` are not finite or not in order.
    """
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(
            "`low` must be below `high`, and both must be finite. "
            f"Received: low={low}, high={high}"
        )
    limits = np.iinfo(dtype)
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / (limits.max - limits.min)
    return float(scale), int(np.rint(limits.min - low / scale))


def kernel_scales(kernel):
    """Returns the scale of each filter, float32: its largest weight becomes 127.

    Args:
        kernel: Weights as Keras holds them, filters in the last axis.
    """
    largest = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1)))
    return np.float32(largest) / np.float32(127)


def quantize(values, scale, zero_point, dtype=np.int8):
    """Rounds real numbers to integers; what lies beyond the grid becomes its end.

    Args:
        values: Array of real numbers.
        scale: Step of the grid; an array holds one for each last index of `values`.
        zero_point: Integer that stands for 0.
        dtype: Integer type.

    Returns:
        An array of `dtype` of the same shape. A half is rounded to the even neighbour.
    """
    limits = np.iinfo(dtype)
    steps = np.rint(np.asarray(values, np.float32) / np.float32(scale)) + zero_point
    return np.clip(steps, limits.min, limits.max).astype(dtype)


def dequantize(integers, scale, zero_point):
    """Returns the real numbers, float32, that integers stand for."""
    difference = np.subtract(integers, zero_point, dtype=np.int32)
    return np.float32(scale) * difference.astype(np.float32)


def dense_sums(integers, zero_point, kernel, bias):
    """Computes a dense layer's sums from integers.

    Args:
        integers: Inputs, shape `(N, features)`.
        zero_point: That of the inputs.
        kernel: int8 weights, shape `(features, units)`; their zero points are 0.
        bias: int32, shape `(units,)`; its scale is that of the inputs times the
            kernel's.

    Returns:
        An int32 array of shape `(N, units)`.
    """
    return (integers.astype(np.int32) - zero_point) @ kernel.astype(np.int32) + bias


def conv_sums(integers, zero_point, kernel, bias, strides=1):
    """Computes a convolution's sums from integers; nothing is padded.

    Args:
        integers: Inputs, shape `(N, H, W, C)`; a padded border holds `zero_point`.
        zero_point: That of the inputs.
        kernel: int8 weights, shape `(height, width, C, filters)`.
        bias: int32, shape `(filters,)`.
        strides: Step of the window.

    Returns:
        An int32 array of shape `(N, H', W', filters)`.
    """
    size = kernel.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(integers, size, axis=(1, 2))
    windows = windows[:, ::strides, ::strides].transpose(0, 1, 2, 4, 5, 3)
    rows = windows.reshape(-1, kernel[..., 0].size)
    sums = dense_sums(rows, zero_point, kernel.reshape(rows.shape[1], -1), bias)
    return sums.reshape(*windows.shape[:3], -1)


def fixed_point(factor):
    """Writes positive factors as `multiplier * 2 ** (shift - 31)`.

    Returns:
        `multiplier, shift`: int64 arrays, the multiplier in [2 ** 30, 2 ** 31).
    """
    fraction, shift = np.frexp(np.asarray(factor, np.float64))
    multiplier = np.rint(fraction * 2**31).astype(np.int64)
    full = multiplier == 2**31  # rounded up to a whole
    return np.where(full, multiplier // 2, multiplier), shift.astype(np.int64) + full


def requantize(sums, scales, zero_point, rounding="float32"):
    """Brings a layer's sums back to eight bits.

    A fused ReLU needs no more: its output's grid begins at 0, so that saturation cuts
    off what is below.

    Args:
        sums: int32 array, filters in the last axis.
        scales: Those of the layer's input, kernel (one a filter) and output.
        zero_point: That of the output.
        rounding: "float32", as XNNPACK does; "once" or "twice", with integers alone.

    Returns:
        An int8 array of the shape of `sums`.

    Raises:
        ValueError: If `rounding` is none of the three.
    """
    if rounding == "float32":
        images, kernel, output = map(np.float32, scales)
        products = np.rint(sums.astype(np.float32) * (images * kernel / output))
    elif rounding in ("once", "twice"):
        images, kernel, output = (np.float64(np.float32(scale)) for scale in scales)
        multiply = _rounded_once if rounding == "once" else _rounded_twice
        products = multiply(
            sums.astype(np.int64), *fixed_point(images * kernel / output)
        )
    else:
        raise ValueError(
            f'`rounding` must be "float32", "once" or "twice". Received: {rounding!r}'
        )
    return np.clip(products + zero_point, -128, 127).astype(np.int8)


def _rounded_once(sums, multiplier, shift):
    return (sums * multiplier + (1 << (30 - shift))) >> (31 - shift)


def _rounded_twice(sums, multiplier, shift):
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    high = ((sums << left) * multiplier + (1 << 30)) >> 31
    half = (1 << right) >> 1  # rounded away from zero
    return np.sign(high) * ((np.abs(high) + half) >> right)
