"""A network for 32x32 images that learns much in few epochs.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Source: Jordan 2024, sections 3.1 to 3.3, https://arxiv.org/abs/2404.00498, who starts
    from Page 2018 and 2019, https://myrtle.ai/learn/how-to-train-your-resnet/;
    identity initialisation, Zagoruyko & Komodakis 2017, section 3,
    https://arxiv.org/abs/1706.00388
"""

import keras
from keras import layers

from cnnlab.layers.fast_bias import FastBias
from cnnlab.layers.whitening import whitening

FILTERS = (64, 256, 256)
NOISE = {  # uniform between plus and minus `1 / sqrt(fan_in)`
    "class_name": "VarianceScaling",
    "config": {"scale": 1 / 3, "mode": "fan_in", "distribution": "uniform"},
}


def fast_cnn(
    filters_of_patches,
    input_shape=(32, 32, 3),
    num_classes=10,
    *,
    filters=FILTERS,
    activation="gelu",
    bias_speed=64.0,
    identity=True,
    convolution_dtype=None,
):
    """Builds three blocks of two convolutions behind a whitening layer.

    A block pools right after its first convolution, so that the rest of it sees a
    quarter of the pixels. The highest answer of each channel decides, wherever it is,
    so that the same weights take images of any size. Logits are divided by 9, which
    keeps the first steps small.

    Args:
        filters_of_patches: The pair that `whitening_filters` returns, or `None` for a
            first 2x2 convolution with as many filters that learns.
        input_shape: Height, width and channels of an image with values in [0, 1];
            three blocks need 9 pixels in height and width. `None` for height and width
            takes images of any size.
        num_classes: Number of classes.
        filters: Channels of each block.
        activation: Name of the activation.
        bias_speed: How many times as fast as kernels the biases learn.
        identity: Whether convolutions start by passing on their input, as far as
            channels allow, and not from noise alone.
        convolution_dtype: Dtype policy of the 3x3 convolutions and of the poolings
            behind them alone; `None` is the global one. Nearly all time goes into
            them: on processors that multiply such numbers, "mixed_bfloat16" takes less
            of it, and normalisation and activations are none the worse.

    Returns:
        A `keras.Model` from images `(B, H, W, C)` to logits `(B, num_classes)`.
    """
    inputs = keras.Input(input_shape)
    x = _first_convolution(inputs, filters_of_patches)
    x = layers.Activation(activation)(x)
    for channels in filters:
        x = _convolution(x, channels, identity, convolution_dtype)
        x = layers.MaxPooling2D(dtype=convolution_dtype)(x)
        x = _normalized(x, activation, bias_speed)
        x = _convolution(x, channels, identity, convolution_dtype)
        x = _normalized(x, activation, bias_speed)
    x = layers.GlobalMaxPooling2D()(x)
    x = layers.Rescaling(1 / 9, dtype="float32")(x)
    x = layers.Dense(
        num_classes, use_bias=False, kernel_initializer=NOISE, dtype="float32"
    )(x)
    return keras.Model(inputs, x, name="fast_cnn")


def _first_convolution(x, filters_of_patches):
    if filters_of_patches is None:
        return layers.Conv2D(2 * 2 * 2 * x.shape[-1], 2)(x)  # as many as whitening has
    return whitening(x, *filters_of_patches)


def _convolution(x, filters, identity, dtype):
    layer = layers.Conv2D(
        filters,
        3,
        padding="same",
        use_bias=False,
        kernel_initializer=NOISE,
        dtype=dtype,
    )
    x = layer(x)
    if identity:
        _start_as_identity(layer)
    return x


def _normalized(x, activation, bias_speed):
    x = layers.BatchNormalization(momentum=0.6, center=False, scale=False)(x)
    return layers.Activation(activation)(FastBias(bias_speed)(x))


def _start_as_identity(layer):
    """Lets the first filters of a 3x3 convolution pass on a channel each."""
    (kernel,) = layer.get_weights()  # (3, 3, in, out)
    same = range(min(kernel.shape[2:]))
    kernel[..., same] = 0
    kernel[1, 1, same, same] = 1
    layer.set_weights([kernel])
