"""Channels on one scale: what per-tensor ranges need, at no cost in float.

Taught in notebooks/15_tflite_quantization.ipynb.
Source: Nagel et al. 2019, section 4.1, https://arxiv.org/abs/1906.04721
Behind a ReLU, a channel may be multiplied by any positive factor if the next layer
divides by it: the function stays. Int8 has one range for the whole tensor, so one large
channel takes the levels of all others. The freedom serves twice: to provoke that
failure, and to undo it. Swish and ReLU6 do not leave it; there only training helps.
"""

import numpy as np
from keras import activations, layers

from cnnlab.compress.quantize_aware.fold import KERNELS
from cnnlab.compress.quantize_aware.graph import fresh_copy, layers_and_followers

TRANSPARENT = (  # a factor before one of these is a factor behind it
    layers.ReLU,
    layers.Activation,
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.GlobalAveragePooling2D,
    layers.GlobalMaxPooling2D,
    layers.ZeroPadding2D,
    layers.Dropout,
    layers.SpatialDropout2D,
)
PASSES = 20  # over the whole chain; each pair disturbs its neighbours


def scale_channels(model, name, factors):
    """Multiplies the channels of one layer and divides them again in the next one.

    Args:
        model: Functional or sequential `keras.Model`, its normalisations folded.
        name: Name of a `Conv2D`, `DepthwiseConv2D` or `Dense` layer that is followed by
            another one, with nothing but ReLU, pooling and dropout between them.
        factors: Positive numbers, shape `(C,)`, one for each output channel.

    Returns:
        A new `keras.Model` that computes the same function.

    Raises:
        ValueError: If the layer has no such successor, or a factor is not positive.
    """
    factors = np.asarray(factors, "float32")
    if not (factors > 0).all():
        raise ValueError(f"`factors` must be positive. Received: {factors.min()}")
    model = fresh_copy(model)
    pairs = {first.name: (first, second) for first, second in _pairs(model)}
    if name not in pairs:
        raise ValueError(
            "The layer must lead to another kernel through nothing but ReLU, pooling "
            f"and dropout: one of {', '.join(pairs) or 'none here'}. Received: {name!r}"
        )
    first, second = pairs[name]
    if factors.shape != _range_out(first).shape:
        raise ValueError(
            "`factors` must hold one number for each output channel. "
            f"Received: shape {factors.shape}, {len(_range_out(first))} channels"
        )
    _scale(first, second, factors)
    return model


def equalize(model):
    """Gives each channel the same range in the kernel before it and the one behind it.

    Args:
        model: As for `scale_channels`.

    Returns:
        A new `keras.Model` that computes the same function.
    """
    model = fresh_copy(model)
    pairs = _pairs(model)
    for _ in range(PASSES):
        for first, second in pairs:
            before, behind = _range_out(first), _range_in(second)
            known = (before > 0) & (behind > 0)
            ratio = np.divide(behind, before, out=np.ones_like(before), where=known)
            _scale(first, second, np.sqrt(ratio))
    return model


def _pairs(model):
    """Returns `(layer, next layer)` for every two kernels that share free factors."""
    kernels, followers = layers_and_followers(model)
    kernels = [layer for layer in kernels if isinstance(layer, KERNELS)]
    pairs = [(layer, _next_kernel(layer, followers)) for layer in kernels]
    return [(first, second) for first, second in pairs if second is not None]


def _next_kernel(layer, followers):
    while _keeps_factors(layer) and len(followers[layer.name]) == 1:
        (layer,) = followers[layer.name]
        if isinstance(layer, KERNELS):
            return layer
        if not isinstance(layer, TRANSPARENT):
            return None
    return None


def _keeps_factors(layer):
    if isinstance(layer, layers.ReLU):
        return layer.max_value is None and layer.threshold == 0
    activation = getattr(layer, "activation", activations.linear)
    return activation in (activations.linear, activations.relu)


def _scale(first, second, factors):
    kernel, *bias = first.get_weights()
    shape = kernel.shape[-2:] if isinstance(first, layers.DepthwiseConv2D) else -1
    first.set_weights([kernel * factors.reshape(shape), *(b * factors for b in bias)])
    kernel, *bias = second.get_weights()
    second.set_weights([kernel / factors[:, None], *bias])


def _range_out(layer):
    """Returns the largest magnitude of each output channel of a kernel, `(C,)`."""
    kernel = np.abs(layer.get_weights()[0])
    if isinstance(layer, layers.DepthwiseConv2D):
        return kernel.max((0, 1)).ravel()
    return kernel.reshape(-1, kernel.shape[-1]).max(0)


def _range_in(layer):
    """Returns the largest magnitude of each input channel of a kernel, `(C,)`."""
    kernel = np.abs(layer.get_weights()[0])
    return kernel.reshape(-1, *kernel.shape[-2:]).max((0, 2))
