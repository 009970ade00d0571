"""A convolution, batch normalisation and an activation: the block that all share.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Source: Ioffe & Szegedy 2015, section 3, https://arxiv.org/abs/1502.03167
"""

from keras import layers

MOMENTUM = 0.9  # Keras' 0.99 makes validation lag behind training for 500 steps


def conv_norm(
    x,
    filters,
    kernel_size=3,
    strides=1,
    *,
    activation=None,
    use_bias=False,
    kernel_initializer="glorot_uniform",
    epsilon=1e-3,
    name=None,
):
    """Applies a convolution with "same" padding, normalisation and an activation.

    Args:
        x: Feature map, shape `(B, H, W, C)`.
        filters: Channels of the result.
        kernel_size: Height and width of the kernel in pixels.
        strides: Pixels from one position of the kernel to the next.
        activation: Name of a Keras activation, or None.
        use_bias: Whether the convolution has a bias, which normalisation makes
            superfluous.
        kernel_initializer: Of the convolution.
        epsilon: Added to the variance in normalisation.
        name: Name of the normalisation.

    Returns:
        A feature map, shape `(B, H / strides, W / strides, filters)`, rounded up.
    """
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=kernel_initializer,
    )(x)
    return norm_act(x, activation, epsilon=epsilon, name=name)


def norm_act(x, activation=None, *, epsilon=1e-3, name=None):
    """Normalises a feature map over the batch and applies an activation.

    The running statistics have momentum 0.9.

    Args:
        x: Feature map, shape `(B, ..., C)`.
        activation: Name of a Keras activation, or None.
        epsilon: Added to the variance.
        name: Name of the normalisation.

    Returns:
        A feature map of the shape of `x`.
    """
    x = layers.BatchNormalization(momentum=MOMENTUM, epsilon=epsilon, name=name)(x)
    return layers.Activation(activation)(x) if activation else x
