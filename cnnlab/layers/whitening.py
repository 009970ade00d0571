"""Whitening: a first layer, computed and not learned, whose channels are uncorrelated.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Source: patch whitening, Coates & Ng 2012, https://doi.org/10.1007/978-3-642-35289-8_30;
    as the frozen first layer of a fast network, Page 2019,
    https://myrtle.ai/learn/how-to-train-your-resnet-8-bag-of-tricks/, and Jordan 2024,
    section 3.2, https://arxiv.org/abs/2404.00498
"""

import numpy as np
from keras import layers

IMAGES_AT_A_TIME = 500  # patches of 5,000 would take half a gigabyte


def whitening_filters(images, kernel_size=2, epsilon=3e-5):
    """Computes the filters that whiten the patches of images.

    Their answers to the patches of `images` have mean 0, variance 1 and no correlation,
    but for `epsilon`. Each comes with its negative, since an activation such as GELU
    lets only one side of a filter pass: `F = 2 * kernel_size**2 * C`.

    Args:
        images: Shape `(N, H, W, C)`, with values in [0, 1]; a few thousand are enough.
        kernel_size: Height and width of a patch in pixels, at most those of an image.
        epsilon: Added to every variance, so that directions in which patches hardly
            differ are not blown up; positive, in squared units of a pixel.

    Returns:
        `kernel, bias`: arrays of shape `(kernel_size, kernel_size, C, F)` and `(F,)`.

    Raises:
        ValueError: If `images` are no images, `kernel_size` does not fit into them, or
            `epsilon` is not positive.
    """
    if images.ndim != 4 or not 1 <= kernel_size <= min(images.shape[1:3]):
        raise ValueError(
            "`images` must have the shape (N, H, W, C), and `kernel_size` must lie "
            "between 1 and their height and width. Received: an array of shape "
            f"{images.shape}, kernel_size={kernel_size}"
        )
    if epsilon <= 0:
        raise ValueError(f"`epsilon` must be positive. Received: {epsilon}")
    size = (kernel_size, kernel_size)
    patches = np.lib.stride_tricks.sliding_window_view(images, size, (1, 2))
    patches = np.moveaxis(patches, 3, -1)  # (N, rows, columns, kh, kw, C)
    num_patches, shape = np.prod(patches.shape[:3]), patches.shape[3:]
    mean = patches.mean((0, 1, 2), dtype="float64").ravel()
    products = np.zeros((len(mean), len(mean)))
    for start in range(0, len(patches), IMAGES_AT_A_TIME):
        few = patches[start : start + IMAGES_AT_A_TIME]
        centred = few.reshape(-1, len(mean)) - mean
        products += centred.T @ centred
    covariance = products / (num_patches - 1)
    variances, directions = np.linalg.eigh(covariance)
    filters = directions / np.sqrt(variances + epsilon)  # (kh * kw * C, F / 2)
    filters = np.concatenate([filters, -filters], 1)
    kernel, bias = filters.reshape(*shape, -1), -(mean @ filters)
    return kernel.astype("float32"), bias.astype("float32")


def whitening(x, kernel, bias):
    """Applies filters from `whitening_filters`, which training leaves as they are.

    Args:
        x: Images, shape `(B, H, W, C)`.
        kernel: Shape `(kernel_size, kernel_size, C, F)`.
        bias: Shape `(F,)`.

    Returns:
        A feature map `(B, H - kernel_size + 1, W - kernel_size + 1, F)`.
    """
    layer = layers.Conv2D(kernel.shape[-1], kernel.shape[:2], trainable=False)
    layer.build(x.shape)
    layer.set_weights([kernel, bias])
    return layer(x)
