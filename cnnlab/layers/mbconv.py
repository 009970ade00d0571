"""MBConv: the inverted residual block, wide where it looks and narrow where it adds.

Taught in notebooks/05_transfer_learning_efficientnet.ipynb.
Source: Sandler et al. 2018, section 3.3, https://arxiv.org/abs/1801.04381; the gate
    and where it stands, Tan & Le 2019, section 4, https://arxiv.org/abs/1905.11946;
    stochastic depth, Huang et al. 2016, section 3, https://arxiv.org/abs/1603.09382
Verdict: many channels for few multiplications. Its wide maps fill memory, and a
    depthwise convolution computes little for each value that it moves.
"""

from keras import layers

from cnnlab.layers.conv_norm import conv_norm, norm_act
from cnnlab.layers.squeeze_excite import squeeze_excite

HE_FAN_OUT = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}


def mbconv(
    x,
    filters,
    *,
    expansion=6,
    kernel_size=3,
    strides=1,
    activation="swish",
    squeeze=True,
    drop_path=0.0,
    name=None,
):
    """Applies an inverted residual block: widen, look around, gate, narrow.

    As in `keras.applications` the gate's hidden layer has a quarter of the channels of
    `x`, not of the widened map. Normalisation keeps its running statistics with
    momentum 0.9, as in `conv_norm`.

    Args:
        x: Feature map, shape `(B, H, W, C)`.
        filters: Channels of the result.
        expansion: Factor by which the block is wider inside than `C`.
        kernel_size: Of the depthwise convolution.
        strides: Of the depthwise convolution.
        activation: Name of the activation after the first two convolutions.
        squeeze: Whether the block gates its channels by squeeze-and-excitation.
        drop_path: Probability that an image skips the block in training.
        name: Name of the last layer, so that `model.get_layer(name).output` is the
            result of the block.

    Returns:
        A feature map of `filters` channels; `x` is added where shapes allow.
    """
    channels, shortcut = x.shape[-1], x
    options = {"kernel_initializer": HE_FAN_OUT}
    if expansion != 1:
        x = conv_norm(x, expansion * channels, 1, activation=activation, **options)
    x = layers.DepthwiseConv2D(
        kernel_size,
        strides,
        padding="same",
        use_bias=False,
        depthwise_initializer=HE_FAN_OUT,
    )(x)
    x = norm_act(x, activation)
    if squeeze:
        gate = {"reduction": 4 * expansion, "activation": "swish"}
        x = squeeze_excite(x, **gate, **options)
    if strides != 1 or filters != channels:
        return conv_norm(x, filters, 1, name=name, **options)
    x = conv_norm(x, filters, 1, **options)
    if drop_path:
        x = layers.Dropout(drop_path, noise_shape=(None, 1, 1, 1))(x)
    return layers.Add(name=name)([x, shortcut])
