"""A space of 256 tiny networks, small enough that every one of them was trained.

Four positions hold one of four operations each, so there are 4^4 architectures;
skipping the one position or the other of a half is the same, so that 169 networks
differ. What each of them learns is recorded in data/records/tiny_networks.jsonl.

Taught in notebooks/09_architecture_search.ipynb.
Source: the idea of a table of trained networks, Ying et al. 2019, NAS-Bench-101,
    https://arxiv.org/abs/1902.09635; one operation per position of a fixed skeleton,
    Dong & Yang 2020, NAS-Bench-201, section 2.1, https://arxiv.org/abs/2001.00326
"""

import itertools

import keras
from keras import layers

from cnnlab.layers.conv_norm import conv_norm, norm_act

OPERATIONS = ("skip", "pool", "separable", "convolution")
NUM_POSITIONS = 4  # two before the map is halved, two after it
FILTERS = (16, 32)


def architectures():
    """Returns all architectures, each a tuple of four names out of `OPERATIONS`."""
    return list(itertools.product(OPERATIONS, repeat=NUM_POSITIONS))


def neighbours(architecture):
    """Returns the 12 architectures that differ from one in a single position."""
    _require_known(architecture)
    return [
        (*architecture[:position], operation, *architecture[position + 1 :])
        for position in range(NUM_POSITIONS)
        for operation in OPERATIONS
        if operation != architecture[position]
    ]


def tiny_cnn(architecture, input_shape=(16, 16, 3), num_classes=10):
    """Builds the network of an architecture.

    A 3x3 convolution comes first; the map is halved between the second and the third
    position; global average pooling and one dense layer end it.

    Args:
        architecture: Four names out of `OPERATIONS`, in the order of the positions.
        input_shape: Height, width and channels of an image with values in [0, 1].
        num_classes: Number of classes.

    Returns:
        A `keras.Model` from images `(B, H, W, C)` to logits `(B, num_classes)`.

    Raises:
        ValueError: If `architecture` is not of this space.
    """
    _require_known(architecture)
    few, many = FILTERS
    inputs = keras.Input(input_shape)
    x = conv_norm(inputs, few, activation="relu")
    for operation in architecture[: NUM_POSITIONS // 2]:
        x = _apply(operation, x)
    x = layers.MaxPooling2D()(x)  # (B, H/2, W/2, few)
    x = conv_norm(x, many, 1, activation="relu")
    for operation in architecture[NUM_POSITIONS // 2 :]:
        x = _apply(operation, x)
    logits = layers.Dense(num_classes)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, logits, name="tiny_cnn")


def _require_known(architecture):
    if len(architecture) != NUM_POSITIONS or not set(architecture) <= set(OPERATIONS):
        raise ValueError(
            f"`architecture` must be {NUM_POSITIONS} names out of {OPERATIONS}. "
            f"Received: {architecture!r}"
        )


def _apply(operation, x):
    """Puts one operation on a feature map; its shape stays."""
    if operation == "pool":
        return layers.MaxPooling2D(3, strides=1, padding="same")(x)
    if operation == "separable":
        x = layers.SeparableConv2D(x.shape[-1], 3, padding="same", use_bias=False)(x)
        return norm_act(x, "relu")
    if operation == "convolution":
        return conv_norm(x, x.shape[-1], activation="relu")
    return x
