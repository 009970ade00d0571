"""A simple and a modern convolutional network for small images.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Source: normalisation, Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167;
    swish, Ramachandran et al. 2017, https://arxiv.org/abs/1710.05941;
    global average pooling, Lin et al. 2014, https://arxiv.org/abs/1312.4400;
    dropout, Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html
"""

import keras
from keras import layers

from cnnlab.layers.conv_norm import conv_norm

FILTERS = (32, 64, 128)
SIMPLE_FILTERS = (16, 32)


def simple_cnn(input_shape=(32, 32, 3), num_classes=10):
    """Builds the baseline: two convolutions with pooling, two dense layers.

    Args:
        input_shape: Height, width and channels of an image with values in [0, 1].
        num_classes: Number of classes.

    Returns:
        A `keras.Model` from images `(B, H, W, C)` to logits `(B, num_classes)`.
    """
    inputs = keras.Input(input_shape)
    x = inputs
    for filters in SIMPLE_FILTERS:
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(num_classes)(x), name="simple_cnn")


def modern_cnn(
    input_shape=(32, 32, 3),
    num_classes=10,
    *,
    normalize=True,
    activation="swish",
    pool="average",
    regularize=True,
    filters=FILTERS,
    attention=None,
):
    """Builds the modern CNN; each option changes one ingredient.

    Batch normalisation keeps running statistics with momentum 0.9: Keras' default
    0.99 makes validation lag behind training for the first hundreds of steps.

    Args:
        input_shape: Height, width and channels of an image with values in [0, 1].
        num_classes: Number of classes.
        normalize: Whether each convolution is followed by batch normalisation.
        activation: Name of the activation.
        pool: What precedes the dense layers, `"average"` (global average pooling)
            or `"flatten"` (every value of the last feature map).
        regularize: Whether dropout and the dense layer's L2 penalty are used.
        filters: Channels of each convolutional block.
        attention: Function from feature map to feature map of the same shape, called
            at the end of each convolutional block, before pooling.

    Returns:
        A `keras.Model` from images `(B, H, W, C)` to logits `(B, num_classes)`.

    Raises:
        ValueError: If `pool` is neither `"average"` nor `"flatten"`.
    """
    if pool not in ("average", "flatten"):
        raise ValueError(f'`pool` must be "average" or "flatten". Received: {pool!r}')
    inputs = keras.Input(input_shape)
    x = inputs
    attend = attention or (lambda x: x)
    for channels in filters[:-1]:
        x = _convolution(x, channels, normalize, activation)
        x = attend(_convolution(x, channels, normalize, activation))
        x = layers.MaxPooling2D()(x)
        x = _dropout(x, 0.25, regularize)
    x = attend(_convolution(x, filters[-1], normalize, activation))
    last = layers.GlobalAveragePooling2D() if pool == "average" else layers.Flatten()
    penalty = keras.regularizers.L2(1e-4) if regularize else None
    x = layers.Dense(128, activation=activation, kernel_regularizer=penalty)(last(x))
    x = _dropout(x, 0.5, regularize)
    return keras.Model(inputs, layers.Dense(num_classes)(x), name="modern_cnn")


def _convolution(x, filters, normalize, activation):
    if normalize:
        return conv_norm(x, filters, activation=activation, use_bias=True)
    return layers.Conv2D(filters, 3, padding="same", activation=activation)(x)


def _dropout(x, rate, regularize):
    return layers.Dropout(rate)(x) if regularize else x
