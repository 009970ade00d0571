"""Small networks and their conversions, shared by the TFLite laboratory's tests."""

import functools

import keras
import numpy as np
from keras import layers

from cnnlab.lite.convert import convert

NUM_CLASSES = 5


@functools.cache
def images(num_images=40):
    """Random pictures of 8x8 pixels."""
    generator = np.random.default_rng(0)
    return generator.random((num_images, 8, 8, 3), dtype=np.float32)


@functools.cache
def network():
    """Convolutions with all that is folded into them, as a trained network has it."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(16, 3, padding="same", name="stem")(inputs)
    x = layers.BatchNormalization(name="stem_norm")(x)
    x = layers.Activation("swish", name="stem_swish")(x)
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise_1")(x)
    x = layers.BatchNormalization(name="depthwise_1_norm")(x)
    x = layers.ReLU(name="depthwise_1_relu")(x)
    x = layers.Conv2D(80, 3, name="body", activation="relu")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    model = keras.Model(inputs, layers.Dense(NUM_CLASSES, name="head")(x), name="net")
    generator = np.random.default_rng(1)
    for weight in model.weights:
        if "moving_variance" in weight.path or "gamma" in weight.path:
            weight.assign(generator.uniform(0.5, 1.5, weight.shape))
        elif "kernel" not in weight.path:
            weight.assign(generator.normal(0, 0.1, weight.shape))
    return model


@functools.cache
def converted(variant):
    """That network as a flatbuffer."""
    return convert(network(), variant, images())


@functools.cache
def converted_elu():
    """An int8 network with an activation that TFLite computes in float."""
    return convert(with_activation("elu"), "int8", images())


def with_activation(activation):
    """One convolution, and the activation in a layer named `activation`."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="stem")(inputs)
    x = layers.Activation(activation, name="activation")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(x))


@functools.cache
def converted_large():
    """One convolution whose result has 16 MB."""
    inputs = keras.Input((256, 256, 1))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(64, 1)(inputs))
    return convert(keras.Model(inputs, x), "float32")
