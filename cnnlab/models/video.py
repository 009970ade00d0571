"""Networks for clips and volumes: kernels that also reach along time or depth.

Taught in notebooks/13_3d_cnns.ipynb.
Source: 3D convolution, Tran et al. 2015, https://arxiv.org/abs/1412.0767; the (2+1)D
    factorisation, Tran et al. 2018, section 3.5, https://arxiv.org/abs/1711.11248
"""

import keras
from keras import layers, ops

from cnnlab.layers.conv_norm import norm_act

FILTERS = (32, 64, 128)
POOLS = ((1, 2, 2), (2, 2, 2), (2, 2, 2))  # time is kept at first


def cnn3d(
    input_shape=(16, 112, 112, 3),
    num_classes=10,
    *,
    filters=FILTERS,
    pools=POOLS,
    strides=1,
    hidden=256,
    rate=0.5,
    factorize=False,
):
    """Builds a 3D network: blocks of a 3x3x3 convolution and pooling, two dense layers.

    Each convolution is followed by batch normalisation (momentum 0.9) and swish.

    Args:
        input_shape: Frames or slices, height, width and channels of a clip or volume
            with values in [0, 1].
        num_classes: Number of classes.
        filters: Channels of each block.
        pools: Window of the pooling of each block: depth, height and width.
        strides: Strides of the first convolution.
        hidden: Units of the first dense layer.
        rate: Dropout before the second.
        factorize: Whether each convolution is a (2+1)D one: over the plane, then over
            time, with as many parameters as the 3D one or slightly fewer.

    Returns:
        A `keras.Model` from clips `(B, D, H, W, C)` to logits `(B, num_classes)`.

    Raises:
        ValueError: If the input has another rank, is smaller than the pooling, or
            there is not one pooling for each block.
    """
    _check(input_shape, filters, pools)
    inputs = keras.Input(input_shape)
    x = inputs
    convolve = factorized if factorize else _convolve
    for channels, pool in zip(filters, pools, strict=True):
        x = norm_act(convolve(x, channels, strides), "swish")
        x = layers.MaxPooling3D(pool)(x)
        strides = 1
    x = layers.GlobalAveragePooling3D()(x)
    name = "cnn2plus1d" if factorize else "cnn3d"
    return keras.Model(inputs, _decide(x, num_classes, hidden, rate), name=name)


def frame_average(
    input_shape=(16, 112, 112, 3),
    num_classes=10,
    *,
    filters=FILTERS,
    hidden=256,
    rate=0.5,
):
    """Builds a 2D network that judges each frame alone, and averages its logits.

    A kernel of 1x3x3 is a 3x3 one applied to every frame, so the whole network is
    written with 3D layers that are one frame deep.

    Args:
        input_shape: As for `cnn3d`.
        num_classes: Number of classes.
        filters: Channels of each block; every block halves height and width.
        hidden: Units of the first dense layer.
        rate: Dropout before the second.

    Returns:
        A `keras.Model` from clips `(B, D, H, W, C)` to logits `(B, num_classes)`. Its
        answer does not depend on the order of the frames.

    Raises:
        ValueError: If the input has another rank or is too small.
    """
    pools = ((1, 2, 2),) * len(filters)
    _check(input_shape, filters, pools)
    inputs = keras.Input(input_shape)
    x = inputs
    for channels, pool in zip(filters, pools, strict=True):
        x = layers.Conv3D(channels, (1, 3, 3), padding="same")(x)
        x = layers.MaxPooling3D(pool)(norm_act(x, "swish"))
    x = ops.mean(x, axis=(2, 3))  # (B, D, C): one row of features a frame
    x = _decide(x, num_classes, hidden, rate)  # (B, D, num_classes)
    return keras.Model(inputs, ops.mean(x, axis=1), name="frame_average")


def factorized(x, filters, strides=1):
    """Convolves over the plane and then over time, in place of a 3x3x3 convolution.

    Batch normalisation and swish stand between the two. The channels between them are
    as many as fit into the parameters of the 3D kernel; there are more biases.

    Args:
        x: Feature map, shape `(B, D, H, W, C)`.
        filters: Channels of the result.
        strides: Strides, the same along all three axes.

    Returns:
        A feature map, before normalisation and activation.
    """
    between = channels_between(x.shape[-1], filters)
    plane, time = (1, strides, strides), (strides, 1, 1)
    x = layers.Conv3D(between, (1, 3, 3), plane, padding="same")(x)
    return layers.Conv3D(filters, (3, 1, 1), time, padding="same")(norm_act(x, "swish"))


def channels_between(channels, filters):
    """Returns the channels between plane and time: Tran et al. 2018, section 3.5.

    Args:
        channels: Channels that come in.
        filters: Channels that go out.
    """
    return 27 * channels * filters // (9 * channels + 3 * filters)


def _convolve(x, filters, strides):
    return layers.Conv3D(filters, 3, strides, padding="same")(x)


def _decide(x, num_classes, hidden, rate):
    x = layers.Dense(hidden, activation="swish")(x)
    return layers.Dense(num_classes)(layers.Dropout(rate)(x))


def _check(input_shape, filters, pools):
    if len(input_shape) != 4:
        raise ValueError(
            "`input_shape` must be (frames, height, width, channels). "
            f"Received: {tuple(input_shape)}"
        )
    if len(filters) != len(pools):
        raise ValueError(
            "There must be one pooling for each block. "
            f"Received: filters={tuple(filters)}, pools={tuple(pools)}"
        )
    least = [1, 1, 1]
    for pool in pools:
        windows = (pool,) * 3 if isinstance(pool, int) else pool
        least = [size * window for size, window in zip(least, windows, strict=True)]
    sizes = zip(input_shape[:3], least, strict=True)
    if any(size is not None and size < window for size, window in sizes):
        raise ValueError(
            f"A clip must have at least {least[0]} frames of {least[1]}x{least[2]} "
            f"pixels for this pooling. Received: {tuple(input_shape)}"
        )
