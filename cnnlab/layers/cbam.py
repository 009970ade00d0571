"""Convolutional block attention: first which channels, then which positions.

Taught in notebooks/06_attention_se_cbam.ipynb.
Source: Woo et al. 2018, section 3, https://arxiv.org/abs/1807.06521
"""

from keras import layers, ops


def cbam(x, reduction=16, kernel_size=7):
    """Scales a feature map by a gate for each channel, then by one for each position.

    Args:
        x: Feature map, shape `(B, H, W, C)`; only `C` need be known.
        reduction: Factor by which the channel gate's hidden layer is narrower than
            `C`; it must divide `C`.
        kernel_size: Height and width in pixels of the spatial gate's window, odd.

    Returns:
        A feature map of the shape of `x`.

    Raises:
        ValueError: If `x` is no feature map, `reduction` does not divide `C`, or
            `kernel_size` is not odd.
    """
    return spatial_gate(channel_gate(x, reduction), kernel_size)


def channel_gate(x, reduction=16):
    """Scales each channel by a gate in (0, 1) computed from its mean and maximum.

    One network of two dense layers reads both descriptors, and what it says of them
    is added before the sigmoid. Its layers have a bias, as in the authors' code:
    `2 * C * C / reduction + C / reduction + C` parameters.

    Args:
        x: As for `cbam`.
        reduction: As for `cbam`.

    Returns:
        A feature map of the shape of `x`.

    Raises:
        ValueError: If `x` is no feature map, or `reduction` does not divide `C`.
    """
    _require_feature_map(x)
    channels = x.shape[-1]
    if reduction < 1 or channels % reduction:
        raise ValueError(
            "`reduction` must divide the number of channels. "
            f"Received: reduction={reduction}, channels={channels}"
        )
    hidden = layers.Dense(channels // reduction, activation="relu")
    output = layers.Dense(channels)
    mean = layers.GlobalAveragePooling2D(keepdims=True)(x)  # (B, 1, 1, C)
    maximum = layers.GlobalMaxPooling2D(keepdims=True)(x)
    gate = layers.Add()([output(hidden(mean)), output(hidden(maximum))])
    return layers.Multiply()([x, layers.Activation("sigmoid")(gate)])


def spatial_gate(x, kernel_size=7):
    """Scales each position by a gate in (0, 1) computed from its neighbourhood.

    A convolution reads two maps, the mean and the maximum over the channels. It has
    no bias, `2 * kernel_size**2` parameters; the authors' code normalises its output,
    which the paper does not mention and we leave out.

    Args:
        x: As for `cbam`.
        kernel_size: As for `cbam`.

    Returns:
        A feature map of the shape of `x`.

    Raises:
        ValueError: If `x` is no feature map, or `kernel_size` is not odd.
    """
    _require_feature_map(x)
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(
            "`kernel_size` must be odd, so that a window has a centre. "
            f"Received: {kernel_size}"
        )
    maps = [ops.mean(x, -1, keepdims=True), ops.max(x, -1, keepdims=True)]
    gate = layers.Conv2D(
        1, kernel_size, padding="same", use_bias=False, activation="sigmoid"
    )(layers.Concatenate()(maps))  # (B, H, W, 1)
    return layers.Multiply()([x, gate])


def _require_feature_map(x):
    if len(x.shape) != 4:
        raise ValueError(
            "`x` must be a feature map of shape (B, H, W, C). "
            f"Received: a tensor of shape {tuple(x.shape)}"
        )
