"""Batch normalisation folded into the convolution before it.

Taught in notebooks/15_tflite_quantization.ipynb.
Source: Jacob et al. 2018, section 3.2, https://arxiv.org/abs/1712.05877;
    Krishnamoorthi 2018, section 3.2, https://arxiv.org/abs/1806.08342
Once trained, normalisation is a factor and a shift for each channel, and a converter
merges both into the kernel and the bias. Eight bits then hold the merged kernel, so
whoever wants to see or train what will be converted merges first.
"""

import keras
import numpy as np
from keras import layers

from cnnlab.compress.quantize_aware.graph import copy, copy_with_weights, rewrite

KERNELS = (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)
AFFINE = (layers.BatchNormalization, layers.Rescaling)


def fold_batch_normalization(model):
    """Returns the same function as convolutions alone, without normalisation.

    A normalisation right behind a `Conv2D`, `DepthwiseConv2D`, `SeparableConv2D` or
    `Dense` without activation, whose output nobody else takes, is merged into it. Any
    other one of a feature map, and a `Rescaling`, becomes a depthwise 1x1 convolution.
    A separable convolution becomes the depthwise and the 1x1 one of which it consists.

    Args:
        model: Functional or built sequential `keras.Model`.

    Returns:
        A new `keras.Model` of stock layers whose outputs at inference equal those of
        `model` up to rounding.

    Raises:
        ValueError: If the model is not a graph of layers with channels last, each
            called once, or a normalisation is not one of the last axis.
    """
    folded = set()

    def replace(layer, x, followers):
        if layer.name in folded:
            return x
        if isinstance(layer, layers.SeparableConv2D):
            x, layer = _separate(layer, x)
        if isinstance(layer, layers.BatchNormalization):
            _check_last_axis(layer, x)
        if isinstance(layer, AFFINE) and len(x.shape) == 4:
            return _as_convolution(layer, x)
        if not isinstance(layer, KERNELS) or not _can_fold(layer, followers):
            return copy_with_weights(layer, x)(x)
        folded.add(followers[0].name)
        return _merge(layer, followers[0], x)

    return rewrite(model, replace)


def _check_last_axis(normalization, x):
    if normalization.axis not in (-1, len(x.shape) - 1):
        raise ValueError(
            "Batch normalisation is folded where it normalises the last axis, that of "
            "the channels: build the layer with axis=-1. "
            f"Received: axis={normalization.axis} in layer {normalization.name!r}"
        )


def _can_fold(layer, followers):
    if layer.activation is not keras.activations.linear or len(followers) != 1:
        return False
    (follower,) = followers
    if not isinstance(follower, layers.BatchNormalization):
        return False
    _check_last_axis(follower, follower.input)
    return True


def _merge(layer, normalization, x):
    """Applies to `x` a layer like `layer` that normalises by itself."""
    factor, shift = _factor_and_shift(normalization)
    kernel, *bias = layer.get_weights()
    if isinstance(layer, layers.DepthwiseConv2D):
        factor_of_kernel = factor.reshape(kernel.shape[-2:])
    else:
        factor_of_kernel = factor
    merged = copy(layer, use_bias=True)
    merged.build(x.shape)
    merged.set_weights(
        [kernel * factor_of_kernel, shift + factor * (bias[0] if bias else 0)]
    )
    return merged(x)


def _as_convolution(layer, x):
    convolution = layers.DepthwiseConv2D(1, name=layer.name)
    convolution.build(x.shape)
    shapes = [weight.shape for weight in convolution.weights]
    factor, shift = _factor_and_shift(layer)
    convolution.set_weights(
        [
            np.broadcast_to(np.reshape(factor, (-1, 1)), shapes[0]),
            np.broadcast_to(shift, shapes[1]),
        ]
    )
    return convolution(x)


def _factor_and_shift(layer):
    """Returns what a layer multiplies by and adds, numbers or arrays `(C,)`."""
    if isinstance(layer, layers.Rescaling):
        return layer.scale, layer.offset
    mean = np.array(layer.moving_mean)
    deviation = np.sqrt(np.array(layer.moving_variance) + layer.epsilon)
    gamma = np.array(layer.gamma) if layer.scale else 1
    beta = np.array(layer.beta) if layer.center else 0
    return gamma / deviation, beta - mean * gamma / deviation


def _separate(layer, x):
    """Returns `x` after the depthwise part, and the 1x1 convolution that is left."""
    settings = layer.get_config()
    shared = ("padding", "data_format", "dilation_rate", "strides", "kernel_size")
    depthwise = layers.DepthwiseConv2D(
        **{key: settings[key] for key in (*shared, "depth_multiplier")},
        depthwise_regularizer=settings["depthwise_regularizer"],
        use_bias=False,
        name=f"{layer.name}_depthwise",
    )
    pointwise = layers.Conv2D(
        layer.filters,
        1,
        activation=layer.activation,
        use_bias=layer.use_bias,
        kernel_regularizer=settings["pointwise_regularizer"],
        name=layer.name,
    )
    depthwise_kernel, *rest = layer.get_weights()
    depthwise.build(x.shape)
    depthwise.set_weights([depthwise_kernel])
    x = depthwise(x)
    pointwise.build(x.shape)
    pointwise.set_weights(rest)
    return x, pointwise
