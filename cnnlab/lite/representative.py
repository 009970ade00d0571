"""The images from which an integer model learns the range of every activation.

Taught in notebooks/15_tflite_quantization.ipynb.

The converter takes whatever it is given. Too few images, images of another scale or
all of one kind make ranges that later images do not fit, and only the answers tell.
"""

import numpy as np

from cnnlab.lite.interpreter import fits

MIN_REPRESENTATIVE = 32  # images; TensorFlow's guide advises 100 to 500


def check(images, shape, image_range=None):
    """Raises a ValueError unless representative images can be of use.

    Args:
        images: Array.
        shape: That of one image of the model; None where any size will do.
        image_range: Smallest and largest value that the model's images may have, or
            None where that is not known.
    """
    _check_shape(images, shape)
    _check_values(images)
    if image_range is not None:
        _check_range(images, *image_range)


def _check_shape(images, shape):
    if not fits(images, shape):
        raise ValueError(
            "Representative images are an array of shape "
            f"(N, {', '.join(map(str, shape))}). Received: {images.shape}"
        )
    if len(images) < MIN_REPRESENTATIVE:
        raise ValueError(
            f"At least {MIN_REPRESENTATIVE} representative images show the range of "
            f"the activations. Received: {len(images)}"
        )


def _check_values(images):
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            "Representative images are floats, scaled as the model's images are. "
            f"Received: {images.dtype}"
        )
    low, high = images.min(), images.max()
    if not np.isfinite(images).all() or low == high:
        raise ValueError(
            "Representative images are finite and not all of one value. "
            f"Received: values from {low} to {high}"
        )
    if (images == images[0]).all():
        raise ValueError(
            "Representative images are as varied as the images to come. "
            f"Received: {len(images)} times the same one"
        )


def _check_range(images, first, last):
    low, high = images.min(), images.max()
    if not (first <= low and high <= last) or high - low < (last - first) / 2:
        raise ValueError(
            f"Representative images lie between {first} and {last}, `image_range`, and "
            f"fill at least half of it. Received: values from {low:g} to {high:g}"
        )
