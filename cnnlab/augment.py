"""Augmentation: images in, the same images seen a little differently out.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Source: crops and flips, He et al. 2016, section 4.2, https://arxiv.org/abs/1512.03385;
    alternating flip, Jordan 2024, section 3.6, https://arxiv.org/abs/2404.00498;
    cutout, DeVries & Taylor 2017, https://arxiv.org/abs/1708.04552
"""

import cv2
import numpy as np


def shift(images, pixels, random):
    """Moves each image by up to some pixels, mirroring its edge into the gap.

    Args:
        images: Shape `(N, H, W, C)`, any type.
        pixels: Largest shift in either direction, less than half of `H` and `W`. The
            pixel at the edge is the mirror, and is not repeated.
        random: `numpy.random.Generator`.

    Returns:
        An array like `images`.

    Raises:
        ValueError: If `images` are no images, or `pixels` is negative or too large.
    """
    height, width = _size(images)
    if not 0 <= 2 * pixels < min(height, width):
        raise ValueError(
            "`pixels` must be at least 0 and less than half the height and width. "
            f"Received: pixels={pixels}, images of {height}x{width}"
        )
    starts = random.integers(-pixels, pixels + 1, (len(images), 2))  # of windows
    gaps = np.concatenate([np.maximum(-starts, 0), np.maximum(starts, 0)], axis=1)
    images, moved = _as_bytes(images), np.empty(images.shape, images.dtype)
    for image, into, gap in zip(images, _as_bytes(moved), gaps.tolist(), strict=True):
        top, left, bottom, right = gap
        kept = image[bottom : height - top, right : width - left]
        cv2.copyMakeBorder(kept, top, bottom, left, right, cv2.BORDER_REFLECT_101, into)
    return moved


def flip(images, chosen):
    """Mirrors the chosen images left to right.

    Args:
        images: Shape `(N, H, W, C)`, any type.
        chosen: Booleans, shape `(N,)`.

    Returns:
        An array like `images`.

    Raises:
        ValueError: If `chosen` is not one boolean for each image.
    """
    if chosen.dtype != bool or chosen.shape != (len(images),):
        raise ValueError(
            "`chosen` must hold one boolean for each image. Received: "
            f"{chosen.dtype} of shape {chosen.shape}, {len(images)} images"
        )
    flipped = images.copy()
    images, into = _as_bytes(images), _as_bytes(flipped)
    for index in np.flatnonzero(chosen):
        cv2.flip(images[index], 1, into[index])
    return flipped


def alternating_flip(num_images, epoch, seed=0):
    """Chooses which images are mirrored: half of them, in the next epoch the others.

    Flips that are drawn anew show an image the same way twice in a row half of the
    time. Here every image is seen both ways in any two neighbouring epochs.

    Args:
        num_images: Number of images in the training set.
        epoch: Number of the epoch.
        seed: Seed of the choice in epoch 0.

    Returns:
        Booleans, shape `(num_images,)`.
    """
    first = np.random.default_rng(seed).random(num_images) < 0.5
    return first ^ bool(epoch % 2)


def erase(images, pixels, random):
    """Blots out a square of each image, at a random position, with black: cutout.

    The paper subtracts the mean colour first, so that its squares are of that colour.

    Args:
        images: Shape `(N, H, W, C)`, any type.
        pixels: Height and width of the square, at least 0; its centre lies in the
            image, so that part of it may lie outside.
        random: `numpy.random.Generator`.

    Returns:
        An array like `images`.

    Raises:
        ValueError: If `images` are no images, or `pixels` is negative.
    """
    height, width = _size(images)
    if pixels < 0:
        raise ValueError(f"`pixels` must be at least 0. Received: {pixels}")
    rows = random.integers(0, height, (len(images), 1)) - pixels // 2
    columns = random.integers(0, width, (len(images), 1)) - pixels // 2
    in_rows = np.arange(height) - rows  # (N, H)
    in_columns = np.arange(width) - columns
    in_rows = (in_rows >= 0) & (in_rows < pixels)
    in_columns = (in_columns >= 0) & (in_columns < pixels)
    erased = in_rows[:, :, None] & in_columns[:, None]  # (N, H, W)
    return np.where(erased[..., None], images.dtype.type(0), images)


def _size(images):
    if images.ndim != 4:
        raise ValueError(
            "`images` must have the shape (N, H, W, C). "
            f"Received: an array of shape {images.shape}"
        )
    return images.shape[1:3]


def _as_bytes(images):
    """Shows pixels of any type as bytes, side by side as OpenCV wants them."""
    return np.ascontiguousarray(images).view("uint8")
