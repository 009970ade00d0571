"""Pixels as bytes from 0 to 255, or as floats from 0 to 1."""

import numpy as np

DTYPES = ("float32", "uint8")


def check_dtype(dtype):
    """Raises `ValueError` if `dtype` is neither "float32" nor "uint8"."""
    if dtype not in DTYPES:
        raise ValueError(
            '`dtype` must be "float32", for pixels in [0, 1], or "uint8", for bytes. '
            f"Received: {dtype!r}"
        )


def convert(images, dtype):
    """Converts pixels to the type asked for, and copies nothing that has it already.

    Args:
        images: uint8, or float32 in [0, 1], any shape.
        dtype: "float32" or "uint8"; floats are rounded to the nearest byte.

    Returns:
        An array of that type and shape.
    """
    if images.dtype == dtype:
        return images
    if dtype == "float32":
        return np.divide(images, np.float32(255))
    return np.floor(images * np.float32(255) + np.float32(0.5)).astype(np.uint8)
