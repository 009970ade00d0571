"""Integers that stand for real numbers, and a network's arithmetic on them.

Taught in notebooks/15_tflite_quantization.ipynb.
Source: Jacob et al. 2018, sections 2.1 to 2.4, https://arxiv.org/abs/1712.05877;
    TFLite's rules, https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec

A real number is `scale * (integer - zero_point)`.
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
    return float(scale), int(round(limits.min - low / scale))


def quantize(values, scale, zero_point, dtype=np.int8):
    """Rounds real numbers to integers; what lies beyond the grid becomes its end.

    Args:
        values: Array of real numbers.
        scale: Step of the grid.
        zero_point: Integer that stands for 0.
        dtype: Integer type.

    Returns:
        An array of `dtype` of the same shape. A half is rounded away from 0, as in
        TFLite's quantize operation.
    """
    limits = np.iinfo(dtype)
    steps = np.asarray(values, np.float32) / np.float32(scale)
    rounded = np.trunc(steps + np.copysign(np.float32(0.5), steps)) + zero_point
    return np.clip(rounded, limits.min, limits.max).astype(dtype)


def dequantize(integers, scale, zero_point):
    """Returns the real numbers, float32, that integers stand for."""
    difference = np.asarray(integers, np.int32) - np.int32(zero_point)
    return np.float32(scale) * difference.astype(np.float32)
