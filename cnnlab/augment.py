"""Augmentation: images in, the same images seen a little differently out.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Source: crops and flips, He et al. 2016, section 4.2, https://arxiv.org/abs/1512.03385;
    alternating flip, Jordan 2024, section 3.6, https://arxiv.org/abs/2404.00498;
    cutout, DeVries & Taylor 2017, https://arxiv.org/abs/1708.04552
"""

import numpy as np


def shift(images, pixels, random):
    """Moves each image by up to some pixels, mirroring its edge into the gap.

    Args:
        images: Shape `(N, H, W, C)`, any type.
        pixels: Largest shift in either direction.
        random: `numpy.random.Generator`.

    Returns:
        An array like `images`.
    """
    height, width = images.shape[1:3]
    edges = [(0, 0), (pixels, pixels), (pixels, pixels), (0, 0)]
    padded = np.pad(images, edges, "reflect")
    moved = np.empty_like(images)
    places = random.integers(0, 2 * pixels + 1, (len(images), 2))
    for row, column in np.unique(places, axis=0):
        these = (places == (row, column)).all(1)
        window = padded[these, row : row + height, column : column + width]
        moved[these] = window
    return moved


def flip(images, chosen):
    """Mirrors the chosen images left to right.

    Args:
        images: Shape `(N, H, W, C)`.
        chosen: Booleans, shape `(N,)`.

    Returns:
        An array like `images`.
    """
    flipped = images.copy()
    flipped[chosen] = images[chosen, :, ::-1]
    return flipped


def alternating_flip(num_images, epoch, seed=0):
    """Chooses which images are mirrored: half of them, in the next epoch the others.

    Flips that are drawn anew show an image the same way twice in a row half of the
    time; so every image is seen both ways in any two epochs.

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
    """Blots out a square of each image, at a random place, with black: cutout.

    Args:
        images: Shape `(N, H, W, C)`, any type.
        pixels: Height and width of the square; its centre lies in the image, so that
            part of it may lie outside.
        random: `numpy.random.Generator`.

    Returns:
        An array like `images`.
    """
    height, width = images.shape[1:3]
    rows = random.integers(0, height, (len(images), 1)) - pixels // 2
    columns = random.integers(0, width, (len(images), 1)) - pixels // 2
    in_rows = np.arange(height) - rows  # (N, H)
    in_columns = np.arange(width) - columns
    in_rows = (in_rows >= 0) & (in_rows < pixels)
    in_columns = (in_columns >= 0) & (in_columns < pixels)
    erased = in_rows[:, :, None] & in_columns[:, None]  # (N, H, W)
    return np.where(erased[..., None], images.dtype.type(0), images)
