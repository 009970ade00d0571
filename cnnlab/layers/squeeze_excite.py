"""Squeeze-and-excitation: a network turns its own channels up or down.

Taught in notebooks/06_attention_se_cbam.ipynb.
Source: Hu et al. 2018, section 3, https://arxiv.org/abs/1709.01507
"""

from keras import layers


def squeeze_excite(
    x, reduction=16, *, activation="relu", kernel_initializer="glorot_uniform"
):
    """Scales each channel by a gate in (0, 1) computed from all channels.

    Both dense layers have a bias, which the paper's equation 3 leaves out: the block
    holds `2 * C * C / reduction + C / reduction + C` parameters.

    Args:
        x: Feature map, shape `(B, H, W, C)`; only `C` need be known.
        reduction: Factor by which the hidden layer is narrower than `C`; it
            must divide `C`.
        activation: Name of the hidden layer's activation.
        kernel_initializer: Of both layers.

    Returns:
        A feature map of the shape of `x`.

    Raises:
        ValueError: If `x` is no feature map, or `reduction` does not divide `C`.
    """
    if len(x.shape) != 4:
        raise ValueError(
            "`x` must be a feature map of shape (B, H, W, C). "
            f"Received: a tensor of shape {tuple(x.shape)}"
        )
    channels = x.shape[-1]
    if reduction < 1 or channels % reduction:
        raise ValueError(
            "`reduction` must divide the number of channels. "
            f"Received: reduction={reduction}, channels={channels}"
        )
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)  # (B, 1, 1, C)
    options = {"kernel_initializer": kernel_initializer}
    gate = layers.Dense(channels // reduction, activation=activation, **options)(gate)
    gate = layers.Dense(channels, activation="sigmoid", **options)(gate)
    return layers.Multiply()([x, gate])
