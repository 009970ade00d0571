"""Channels may be scaled freely behind a ReLU: float does not notice, int8 does."""

import functools

import keras
import numpy as np
import pytest
from keras import layers

from cnnlab.compress.quantize_aware.equalize import equalize, scale_channels
from cnnlab.lite.convert import convert
from cnnlab.lite.interpreter import predict

IMAGES = np.random.default_rng(0).random((200, 8, 8, 3), "float32")


@functools.cache
def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(6, 3, activation="relu", name="first"),
            layers.MaxPooling2D(2),
            layers.DepthwiseConv2D(
                3, padding="same", depth_multiplier=2, name="second"
            ),
            layers.ReLU(),
            layers.Conv2D(8, 1, name="third"),
            layers.Activation("relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.5),
            layers.Dense(5, name="last"),
        ]
    )


def outlier(num_channels, factor):
    factors = np.ones(num_channels)
    factors[1] = factor
    return factors


@pytest.mark.parametrize(
    ("name", "num_channels"), [("first", 6), ("second", 12), ("third", 8)]
)
def test_scaled_network_computes_the_same(name, num_channels):
    factors = np.random.default_rng(0).uniform(0.1, 10, num_channels)
    scaled = scale_channels(network(), name, factors)
    assert not np.allclose(
        scaled.get_layer(name).kernel, network().get_layer(name).kernel
    )
    np.testing.assert_allclose(scaled(IMAGES), network()(IMAGES), atol=1e-5)


def test_one_large_channel_ruins_int8_and_equalising_repairs_it():
    expected = np.array(network()(IMAGES))
    ruined = scale_channels(network(), "first", outlier(6, 500))
    errors = [
        np.abs(predict(convert(model, "int8", IMAGES), IMAGES) - expected).mean()
        for model in (network(), ruined, equalize(ruined))
    ]
    plain, ruined, repaired = errors / expected.std()
    assert plain < 0.03
    assert ruined > 10 * plain
    assert repaired < 2 * plain


def test_equalised_kernels_have_the_same_range_on_both_sides_of_a_channel():
    model = equalize(scale_channels(network(), "third", outlier(8, 1000)))
    np.testing.assert_allclose(model(IMAGES), network()(IMAGES), atol=1e-5)
    before = np.abs(model.get_layer("third").kernel).max((0, 1, 2))
    behind = np.abs(model.get_layer("last").kernel).max(1)
    np.testing.assert_allclose(before, behind, rtol=0.05)


def test_dead_channel_stays_as_it_is():
    kernel, bias = network().get_layer("first").get_weights()
    model = keras.models.clone_model(network())
    model.set_weights(network().get_weights())
    kernel[..., 2] = 0
    model.get_layer("first").set_weights([kernel, bias])
    equalized = equalize(model)
    np.testing.assert_allclose(equalized(IMAGES), model(IMAGES), atol=1e-5)
    assert np.isfinite(equalized.get_layer("second").kernel).all()


@pytest.mark.parametrize("between", ["swish", "relu6"])
def test_no_factor_passes_another_activation(between):
    model = keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(2, 1, activation=between, name="odd"),
            layers.Conv2D(2, 1),
        ]
    )
    with pytest.raises(ValueError, match="one of none here. Received: 'odd'"):
        scale_channels(model, "odd", [1, 1])


def test_no_factor_passes_two_followers_or_a_limited_relu():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(3, 1, name="forked")(inputs)
    x = layers.Add()([x, layers.Conv2D(3, 1, name="free")(x)])
    x = layers.ReLU(6.0)(layers.Conv2D(3, 1, name="limited")(x))
    model = keras.Model(inputs, layers.Conv2D(3, 1)(x))
    for name in ("forked", "free", "limited"):
        with pytest.raises(ValueError, match=f"Received: '{name}'"):
            scale_channels(model, name, np.ones(3))


def test_no_factor_changes_an_output_of_the_model():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(3, 1, name="answer")(inputs)
    model = keras.Model(inputs, [x, layers.Conv2D(3, 1)(x)])
    with pytest.raises(ValueError, match="Received: 'answer'"):
        scale_channels(model, "answer", np.ones(3))


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ([1, 1, 0, 1, 1, 1], "`factors` must be positive. Received: 0.0"),
        ([1, 1], r"one number for each output channel. Received: shape \(2,\), 6"),
    ],
)
def test_factors_are_one_positive_number_a_channel(factors, message):
    with pytest.raises(ValueError, match=message):
        scale_channels(network(), "first", factors)
