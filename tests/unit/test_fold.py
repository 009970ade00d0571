"""The folded network computes what the original computes, with fewer kinds of layer."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnlab.compress.quantize_aware.fold import fold_batch_normalization
from cnnlab.models.modern_cnn import modern_cnn

IMAGES = np.random.default_rng(0).random((4, 8, 8, 3), "float32")


def unsettled(model):
    """Gives every weight of a model some value other than its initial one."""
    generator = np.random.default_rng(1)
    for weight in model.weights:
        sign = 1 if "variance" in weight.path else generator.choice([-1, 1])
        weight.assign(sign * generator.uniform(0.2, 2, weight.shape))
    return model


def kinds(model):
    return [type(layer).__name__ for layer in model.layers[1:]]


def normalize(**options):
    return layers.BatchNormalization(**options)


def assert_same_function(model, other, images=IMAGES):
    expected = np.array(model(images))
    tolerance = 2e-6 * np.abs(expected).max()
    np.testing.assert_allclose(other(images), expected, atol=tolerance)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(5, 3, strides=2, padding="same"),
        layers.Conv2D(6, 3, groups=3, use_bias=False),
        layers.DepthwiseConv2D(3, depth_multiplier=2),
        layers.DepthwiseConv2D(3, padding="same", use_bias=False),
        layers.SeparableConv2D(5, 3, use_bias=False),
        layers.Dense(5),
    ],
    ids=["strided", "grouped", "multiplied", "depthwise", "separable", "dense"],
)
@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}], ids=str)
def test_normalisation_merges_into_the_layer_before_it(layer, options):
    layer = type(layer).from_config(layer.get_config())
    model = unsettled(keras.Sequential([layers.Input((8, 8, 3)), layer]))
    model.add(normalize(**options))
    folded = fold_batch_normalization(unsettled(model))
    assert "BatchNormalization" not in kinds(folded)
    assert_same_function(model, folded)


@pytest.mark.parametrize(
    "follow",
    [
        lambda x: layers.Add()([x, normalize()(x)]),
        lambda x: normalize()(layers.Activation("relu")(x)),
        lambda x: normalize()(layers.Conv2D(4, 1, activation="relu")(x)),
    ],
    ids=["two followers", "activation between", "activation inside"],
)
def test_loose_normalisation_becomes_a_depthwise_convolution(follow):
    inputs = keras.Input((8, 8, 3))
    model = unsettled(keras.Model(inputs, follow(layers.Conv2D(4, 3)(inputs))))
    folded = fold_batch_normalization(model)
    assert "BatchNormalization" not in kinds(folded)
    assert "DepthwiseConv2D" in kinds(folded)
    assert_same_function(model, folded)


@pytest.mark.parametrize("offset", [-1.0, [0.1, 0.2, 0.3]], ids=["number", "list"])
def test_rescaling_becomes_a_depthwise_convolution(offset):
    model = keras.Sequential([layers.Input((8, 8, 3)), layers.Rescaling(2.0, offset)])
    folded = fold_batch_normalization(model)
    assert kinds(folded) == ["DepthwiseConv2D"]
    assert_same_function(model, folded)


def test_modern_cnn_folds_and_keeps_the_names_of_its_layers():
    model = unsettled(modern_cnn((8, 8, 3)))
    folded = fold_batch_normalization(model)
    kept = [x.name for x in model.layers if not isinstance(x, type(normalize()))]
    assert [layer.name for layer in folded.layers][1:] == kept[1:]
    assert_same_function(model, folded)


def test_penalty_stays_with_its_kernel():
    inputs = keras.Input((8, 8, 3))
    penalties = {"depthwise_regularizer": "l2", "pointwise_regularizer": "l1"}
    x = layers.SeparableConv2D(4, 3, **penalties)(inputs)
    x = layers.Conv2D(4, 3, kernel_regularizer="l2")(x)
    model = unsettled(keras.Model(inputs, normalize()(x)))
    model.layers[2].kernel.assign(model.layers[2].kernel * 0 + 1)
    model.layers[3].gamma.assign(model.layers[3].gamma * 0 + 1)
    model.layers[3].moving_variance.assign(np.ones(4) - model.layers[3].epsilon)
    assert float(sum(fold_batch_normalization(model).losses)) == pytest.approx(
        float(sum(model.losses))
    )


def shared():
    inputs = keras.Input((8, 8, 3))
    layer = layers.Conv2D(3, 1, name="twice")
    return keras.Model(inputs, layer(layer(inputs)))


def nested():
    inputs = keras.Input((8, 8, 3))
    inner = keras.Sequential([layers.Input((8, 8, 3)), layers.ReLU()], name="inner")
    return keras.Model(inputs, inner(inputs))


def with_an_operation():
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, inputs + layers.ReLU()(inputs))


def normalized_rows(behind_a_convolution):
    inputs = keras.Input((8, 8, 8))
    x = layers.Conv2D(8, 1)(inputs) if behind_a_convolution else inputs
    return keras.Model(inputs, layers.BatchNormalization(axis=1, name="rows")(x))


def with_channels_first():
    inputs = keras.Input((3, 8, 8))
    layer = layers.Conv2D(3, 1, data_format="channels_first", name="first")
    return keras.Model(inputs, layer(inputs))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: normalized_rows(True), "axis=-1. Received: axis=1 in layer 'rows'"),
        (lambda: normalized_rows(False), "axis=-1. Received: axis=1 in layer 'rows'"),
        (with_channels_first, "Received: channels first in layer 'first'"),
        (shared, "Every layer must be called once: .* Received: 'twice'"),
        (nested, "must not contain another one: .* Received: 'inner'"),
        (with_an_operation, "Every operation .* must be a layer: .* Received: Add"),
        (
            lambda: keras.Sequential([layers.ReLU()]),
            "functional, or sequential and built. Received: Sequential",
        ),
    ],
)
def test_what_is_no_plain_graph_of_layers_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        fold_batch_normalization(build())


def test_output_of_the_model_itself_is_left_as_it_is():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(inputs)
    model = unsettled(keras.Model(inputs, [x, normalize()(x)]))
    images = np.random.default_rng(0).random((4, 8, 8, 3), "float32")
    for one, other in zip(model(images), fold_batch_normalization(model)(images)):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_shared_layers_of_another_model_do_not_confuse():
    inputs = keras.Input((8, 8, 3))
    convolution = layers.Conv2D(4, 3)
    x = normalize()(convolution(inputs))
    convolution(keras.Input((8, 8, 3)))  # used once more, elsewhere
    model = unsettled(keras.Model(inputs, x))
    assert_same_function(model, fold_batch_normalization(model))
