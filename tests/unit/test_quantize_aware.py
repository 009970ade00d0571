"""The model in training rounds exactly where its converted form does."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from cnnlab.compress.quantize_aware.fold import fold_batch_normalization
from cnnlab.compress.quantize_aware.layers import (
    FakeQuantize,
    QuantizedKernel,
    fake_quantize_kernel,
)
from cnnlab.compress.quantize_aware.model import LIMITS, quantize_aware
from cnnlab.lite.convert import convert
from cnnlab.lite.interpreter import open_interpreter, predict

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def pictures(num_images=400, size=8):
    """Pictures that are brighter above, below, left or right: four classes."""
    generator = np.random.default_rng(0)
    images = generator.random((num_images, size, size, 3), dtype=np.float32) / 2
    labels = generator.integers(0, 4, num_images)
    half = size // 2
    for image, label in zip(images, labels):
        where = (slice(half), slice(half, None))[label % 2]
        image[where if label < 2 else (slice(None), where)] += 0.2
    return images, labels


@functools.cache
def network():
    """A briefly trained network with one of everything that is supported."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = layers.Rescaling(2.0, -1.0)(inputs)
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Activation("swish")(x)
    y = layers.ZeroPadding2D(1)(x)
    y = layers.DepthwiseConv2D(3, use_bias=False)(y)
    y = layers.BatchNormalization(momentum=0.9, scale=False)(y)
    y = layers.ReLU(6.0)(y)
    y = layers.SeparableConv2D(8, 3, padding="same", use_bias=False)(y)
    y = layers.BatchNormalization(momentum=0.9, center=False)(y)
    x = layers.Activation("relu")(layers.Add()([x, y]))
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Dense(8, activation="sigmoid")(layers.Dense(4, "swish")(gate))
    x = layers.Multiply()([x, gate])
    x = layers.AveragePooling2D(2)(layers.MaxPooling2D(2)(x))
    y = layers.Conv2D(4, 4, strides=4, activation="relu")(y)
    x = layers.Dropout(0.1)(layers.Flatten()(layers.Concatenate()([x, y])))
    x = layers.Dense(4)(layers.Reshape((-1,))(x))
    model = keras.Model(inputs, x)
    return fitted(model)


def fitted(model, run_eagerly=True):
    """Trains for five steps; to trace them takes longer than to run them."""
    keras.utils.set_random_seed(0)
    model.compile(keras.optimizers.Adam(0.02), LOSS, run_eagerly=run_eagerly)
    model.fit(*pictures(), batch_size=80, verbose=0)
    return model


@functools.cache
def untrained():
    return quantize_aware(network())


@functools.cache
def trained(per_channel):
    return fitted(quantize_aware(network(), per_channel=per_channel))


@functools.cache
def flatbuffer(per_channel):
    return convert(trained(per_channel), "int8")


def both(value, *others):
    return pytest.mark.parametrize(value, [True, False], ids=others)


per_channel_or_tensor = both("per_channel", "channel", "tensor")


@per_channel_or_tensor
def test_converted_model_answers_as_the_trained_one(per_channel):
    images, labels = pictures()
    logits = np.array(trained(per_channel)(images))
    scores = predict(flatbuffer(per_channel), images)
    assert np.mean(logits.argmax(-1) == labels) > 0.8
    assert np.mean(logits.argmax(-1) == scores.argmax(-1)) >= 0.98
    assert np.abs(logits - scores).mean() < 0.005 * logits.std()


@per_channel_or_tensor
def test_no_tensor_of_the_converted_model_is_a_float(per_channel):
    interpreter = open_interpreter(flatbuffer(per_channel))
    kinds = {details["dtype"] for details in interpreter.get_tensor_details()}
    assert kinds == {np.int8, np.int32}
    assert interpreter.get_input_details()[0]["dtype"] == np.int8
    assert interpreter.get_output_details()[0]["dtype"] == np.int8


def scales_of_kernels(content):
    """The scales of every tensor whose name and four axes are those of a kernel."""
    details = open_interpreter(content).get_tensor_details()
    computed = {"ReadVariableOp/resource1", "BiasAdd"}
    return {
        tuple(one["shape"]): one["quantization_parameters"]["scales"]
        for one in details
        if one["dtype"] == np.int8
        and len(one["shape"]) == 4
        and one["shape_signature"][0] != -1
        and not any(name in one["name"] for name in computed)
    }


def test_kernels_are_int8_with_a_scale_for_each_channel():
    scales = scales_of_kernels(flatbuffer(True))
    assert len(scales[8, 3, 3, 3]) == 8  # the first convolution
    assert len(scales[1, 3, 3, 8]) == 8  # depthwise
    assert len(scales[4, 4, 4, 8]) == 4  # the last convolution
    kernel = np.abs(first_kernel(trained(True)))
    expected = kernel.max((0, 1, 2)) / 127
    np.testing.assert_allclose(scales[8, 3, 3, 3], expected, rtol=1e-5)


def test_kernels_have_one_scale_if_that_is_asked():
    scales = scales_of_kernels(flatbuffer(False))
    assert {len(one) for one in scales.values()} == {1}
    expected = np.abs(first_kernel(trained(False))).max() / 127
    np.testing.assert_allclose(scales[8, 3, 3, 3], [expected], rtol=1e-5)


def first_kernel(model):
    kernels = [x.layer for x in model.layers if isinstance(x, QuantizedKernel)]
    convolutions = [x for x in kernels if type(x) is layers.Conv2D]
    return np.array(convolutions[0].kernel)


def test_kernel_is_rounded_to_255_values_of_each_channel():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 4, 5)).astype("float32")
    kernel *= np.geomspace(0.01, 100, 5, dtype="float32")
    scale = np.abs(kernel).max((0, 1, 2)) / 127
    expected = np.round(kernel / scale) * scale
    np.testing.assert_allclose(fake_quantize_kernel(kernel), expected, rtol=1e-5)
    scale = np.abs(kernel).max((0, 1)) / 127
    expected = np.round(kernel / scale) * scale
    np.testing.assert_allclose(
        fake_quantize_kernel(kernel, kept_axes=2), expected, rtol=1e-5
    )


def test_kernel_is_rounded_to_255_values_of_one_scale():
    kernel = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    scale = np.abs(kernel).max() / 127
    expected = np.round(kernel / scale) * scale
    rounded = fake_quantize_kernel(kernel, kept_axes=0)
    np.testing.assert_allclose(rounded, expected, atol=1e-6)


@pytest.mark.parametrize("kept_axes", [0, 1, 2])
def test_kernel_of_zeros_stays_zero(kept_axes):
    rounded = fake_quantize_kernel(np.zeros((3, 3, 2, 2), "float32"), kept_axes)
    np.testing.assert_array_equal(rounded, 0)


@pytest.mark.parametrize("kept_axes", [0, 1, 2])
def test_gradient_passes_the_rounding_of_a_kernel(kept_axes):
    kernel = tf.random.normal((3, 3, 2, 4), seed=0)
    weights = tf.random.normal((3, 3, 2, 4), seed=1)
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        loss = tf.reduce_sum(weights * fake_quantize_kernel(kernel, kept_axes))
    np.testing.assert_allclose(tape.gradient(loss, kernel), weights, rtol=1e-6)


def test_activation_is_rounded_to_256_values_of_which_zero_is_one():
    layer = FakeQuantize(limits=(-1.0, 3.1))
    x = np.linspace(-2, 4, 600, dtype="float32")
    scale = 4.1 / 255
    zero_point = np.round(1.0 / scale)
    whole = np.clip(np.round(x / scale) + zero_point, 0, 255)
    np.testing.assert_allclose(layer(x), (whole - zero_point) * scale, atol=1e-5)
    assert 0.0 in np.array(layer(x))


def test_gradient_of_an_activation_vanishes_outside_of_its_range():
    layer = FakeQuantize(limits=(-1.0, 1.0))
    x = tf.constant([-2.0, -0.5, 0.0, 0.5, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x))
    np.testing.assert_array_equal(tape.gradient(loss, x), [0, 1, 1, 1, 0])


def test_range_is_the_mean_of_the_batches_then_a_running_mean():
    layer = FakeQuantize(momentum=0.75)
    for k in range(1, 5):
        layer(np.array([-k, 2 * k], "float32"), training=True)
    np.testing.assert_allclose([layer.minimum, layer.maximum], [-2.5, 5.0])
    layer(np.array([1.0, 9.0], "float32"), training=True)
    expected = [0.75 * -2.5, 0.75 * 5.0 + 0.25 * 9.0]  # zero is always within
    np.testing.assert_allclose([layer.minimum, layer.maximum], expected)


def test_range_stays_outside_of_training_and_where_it_is_prescribed():
    layer, prescribed = FakeQuantize(), FakeQuantize(limits=(0.0, 1.0))
    layer(np.array([100.0], "float32"))
    prescribed(np.array([100.0], "float32"), training=True)
    assert float(layer.maximum) == 6.0
    assert float(prescribed.maximum) == 1.0


@pytest.mark.parametrize("activation", LIMITS, ids=lambda one: one.__name__)
def test_prescribed_ranges_are_those_of_tflite(activation):
    images, _ = pictures(40)
    model = keras.Sequential([layers.Input((8, 8, 3)), layers.Activation(activation)])
    interpreter = open_interpreter(convert(model, "int8", images))
    scale, zero_point = interpreter.get_output_details()[0]["quantization"]
    low, high = LIMITS[activation]
    assert scale * (-128 - zero_point) == pytest.approx(low)
    assert scale * (127 - zero_point) == pytest.approx(high)


def test_fit_changes_every_kernel_and_every_free_range():
    before, after = untrained(), trained(True)
    for old, new in zip(before.layers, after.layers):
        if isinstance(old, QuantizedKernel):
            assert np.abs(old.layer.kernel - new.layer.kernel).max() > 0
        if isinstance(old, FakeQuantize):
            moved = float(old.maximum) != float(new.maximum)
            assert moved == (old.limits is None), old.name


def test_traced_training_is_that_of_single_steps():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = layers.Flatten()(layers.Conv2D(4, 8, activation="sigmoid")(inputs))
    model = keras.Model(inputs, x)
    traced, stepped = (
        fitted(quantize_aware(model), eagerly) for eagerly in (False, True)
    )
    assert float(traced.layers[1].steps) == 5
    for one, other in zip(traced.get_weights(), stepped.get_weights()):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_kernels_start_as_those_of_the_folded_network():
    started = {
        layer.name: layer.layer.get_weights()
        for layer in untrained().layers
        if isinstance(layer, QuantizedKernel)
    }
    folded = fold_batch_normalization(network())
    expected = {x.name: x.get_weights() for x in folded.layers if x.weights}
    assert started.keys() == expected.keys()
    for name in started:
        for one, other in zip(started[name], expected[name]):
            np.testing.assert_array_equal(one, other)


def test_no_weight_is_shared_with_the_original():
    shared = {id(one) for one in network().weights}
    assert not shared & {id(one) for one in untrained().weights}


def test_saved_model_reloads_and_answers_the_same(tmp_path):
    images, _ = pictures(8)
    trained(False).save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(images), trained(False)(images))


def test_relu_is_rounded_once_and_swish_three_times():
    inputs = keras.Input((4, 4, 3))
    x = layers.Conv2D(2, 1, name="plain")(inputs)
    x = layers.ReLU(name="fused")(x)
    x = layers.Conv2D(2, 1, activation="relu", name="inside")(x)
    x = layers.Conv2D(2, 1, activation="swish", name="smooth")(x)
    roundings = [
        layer.name
        for layer in quantize_aware(keras.Model(inputs, x)).layers
        if isinstance(layer, FakeQuantize)
    ]
    assert roundings[1:] == [
        "fused_activation_range",
        "inside_activation_range",
        "smooth_range",
        "smooth_sigmoid_range",
        "smooth_activation_range",
    ]


def test_output_of_the_model_is_rounded_before_the_relu_behind_it():
    inputs = keras.Input((4, 4, 3))
    x = layers.Conv2D(2, 1, name="answer")(inputs)
    model = quantize_aware(keras.Model(inputs, [x, layers.ReLU(name="behind")(x)]))
    assert isinstance(model.get_layer("answer_range"), FakeQuantize)


@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_momentum_of_a_mean_is_below_one(momentum):
    with pytest.raises(ValueError, match=r"in \[0, 1\). Received: "):
        FakeQuantize(momentum)


def test_layer_without_int8_form_is_named():
    inputs = keras.Input((4, 4, 3))
    x = layers.LayerNormalization(name="odd")(inputs)
    with pytest.raises(ValueError, match="Received: LayerNormalization 'odd'"):
        quantize_aware(keras.Model(inputs, x))


@pytest.mark.parametrize(
    ("layer", "activation"),
    [
        (layers.Activation("elu", name="odd"), "elu"),
        (layers.Conv2D(2, 1, activation="gelu", name="odd"), "gelu"),
        (layers.ReLU(3.0, name="odd"), "max_value=3.0"),
        (layers.Conv2D(2, 1, activation=layers.LeakyReLU(), name="odd"), "LeakyReLU"),
        (layers.Conv2D(2, 1, activation=lambda x: x, name="odd"), "lambda"),
        (layers.Conv2D(2, 1, activation=tf.nn.elu, name="odd"), "tensorflow.*elu"),
    ],
    ids=["layer", "argument", "relu", "activation layer", "lambda", "tensorflow"],
)
def test_activation_without_int8_form_is_named(layer, activation):
    inputs = keras.Input((4, 4, 3))
    with pytest.raises(ValueError, match=f"Received: .*{activation}.* in layer 'odd'"):
        quantize_aware(keras.Model(inputs, layer(inputs)))


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (tf.nn.relu, "relu"),
        (tf.nn.relu6, "relu6"),
        (keras.ops.relu, "relu"),
        (tf.nn.swish, "sigmoid"),  # swish is the input times its sigmoid
        (layers.ReLU(), "relu"),
    ],
    ids=["tf.nn.relu", "tf.nn.relu6", "keras.ops.relu", "tf.nn.swish", "ReLU()"],
)
def test_activation_is_known_as_a_function_of_either_library(activation, expected):
    inputs = keras.Input((4, 4, 3))
    layer = layers.Conv2D(8, 1, activation=activation, name="map")
    aware = quantize_aware(keras.Model(inputs, layer(inputs)))
    found = [x.activation.__name__ for x in aware.layers if hasattr(x, "activation")]
    assert found == [expected]


def test_dense_layer_of_a_sequence_is_refused():
    inputs = keras.Input((4, 3))
    model = keras.Model(inputs, layers.Dense(2, name="odd")(inputs))
    with pytest.raises(ValueError, match="vectors .* at layer 'odd'"):
        quantize_aware(model)
