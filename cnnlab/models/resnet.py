"""The small residual networks for 32x32 images, optionally with attention.

Taught in notebooks/06_attention_se_cbam.ipynb.
Source: He et al. 2016, section 4.2 and table 6, https://arxiv.org/abs/1512.03385;
    initialisation, He et al. 2015, https://arxiv.org/abs/1502.01852;
    position of the attention, Hu et al. 2018, figure 3, https://arxiv.org/abs/1709.01507
"""

import keras
from keras import layers, ops

from cnnlab.layers.conv_norm import conv_norm

FILTERS = (16, 32, 64)
HE_NORMAL = {"kernel_initializer": "he_normal"}


def resnet_small(
    input_shape=(32, 32, 3),
    num_classes=10,
    *,
    num_blocks=3,
    filters=FILTERS,
    attention=None,
):
    """Builds a residual network of `6 * num_blocks + 2` layers, ResNet-20 by default.

    Where the map shrinks, the shortcut takes every second pixel and pads the new
    channels with zeros: it holds no parameters (the paper's option A). Batch
    normalisation keeps its running statistics with momentum 0.9.

    Args:
        input_shape: Height, width and channels of an image with values in [0, 1].
        num_classes: Number of classes.
        num_blocks: Residual blocks of two convolutions in each stage.
        filters: Channels of each stage, never fewer than of the one before.
        attention: Function from feature map to feature map of the same shape, called
            on every residual branch after its last normalisation.

    Returns:
        A `keras.Model` from images `(B, H, W, C)` to logits `(B, num_classes)`.

    Raises:
        ValueError: If `num_blocks` is less than 1, or a stage has fewer channels
            than the one before.
    """
    if num_blocks < 1:
        raise ValueError(f"`num_blocks` must be at least 1. Received: {num_blocks}")
    if list(filters) != sorted(filters):
        raise ValueError(f"`filters` must not decrease. Received: {tuple(filters)}")
    inputs = keras.Input(input_shape)
    x = conv_norm(inputs, filters[0], activation="relu", **HE_NORMAL)
    for stage, channels in enumerate(filters):
        for block in range(num_blocks):
            strides = 2 if stage and not block else 1
            x = _residual(x, channels, strides, attention)
    x = layers.GlobalAveragePooling2D()(x)
    name = f"resnet_{2 * num_blocks * len(filters) + 2}"
    return keras.Model(inputs, layers.Dense(num_classes)(x), name=name)


def _residual(x, filters, strides, attention):
    branch = conv_norm(x, filters, 3, strides, activation="relu", **HE_NORMAL)
    branch = conv_norm(branch, filters, **HE_NORMAL)
    if attention:
        branch = attention(branch)
    return layers.ReLU()(layers.Add()([_shortcut(x, filters, strides), branch]))


def _shortcut(x, filters, strides):
    """Returns `x`, or every second pixel of it with channels of zeros around."""
    new = filters - x.shape[-1]
    if strides > 1:
        x = layers.AveragePooling2D(1, strides)(x)
    if new:
        x = ops.pad(x, [(0, 0), (0, 0), (0, 0), (new // 2, new - new // 2)])
    return x
