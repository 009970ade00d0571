"""Squeeze-and-excitation against the formula of its paper."""

import keras
import numpy as np
import pytest

from cnnlab.layers.squeeze_excite import squeeze_excite


def build(shape=(6, 5, 8), reduction=4):
    inputs = keras.Input(shape)
    return keras.Model(inputs, squeeze_excite(inputs, reduction))


def with_random_weights(model, seed=0):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    return model


def features(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def by_formula(x, w1, b1, w2, b2):
    """Equations 2 to 4 of the paper, with biases."""
    squeezed = x.mean((1, 2))
    excited = np.maximum(squeezed @ w1 + b1, 0) @ w2 + b2
    return x / (1 + np.exp(-excited))[:, None, None, :]


def test_output_is_that_of_the_formula():
    model, x = with_random_weights(build()), features(3, 6, 5, 8)
    expected = by_formula(x, *model.get_weights())
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "reduction"), [(8, 4), (32, 16), (128, 16), (16, 16), (4, 1)]
)
def test_parameters_are_two_matrices_and_their_biases(channels, reduction):
    expected = 2 * channels**2 // reduction + channels // reduction + channels
    assert build((4, 4, channels), reduction).count_params() == expected


def test_batch_and_image_may_have_any_size():
    model = with_random_weights(build((None, None, 8)))
    assert model.output_shape == (None, None, None, 8)
    for shape in ((1, 6, 5, 8), (2, 3, 9, 8)):
        x = features(*shape)
        expected = by_formula(x, *model.get_weights())
        np.testing.assert_allclose(model(x), expected, atol=1e-5)


def test_saved_model_reloads_in_plain_keras(tmp_path):
    model, x = with_random_weights(build()), features(2, 6, 5, 8)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(x), model(x), atol=1e-6)
    assert "cnnlab" not in model.to_json()


def test_mixed_precision_stays_near_the_formula():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model, x = with_random_weights(build()), features(2, 6, 5, 8)
        y = keras.ops.convert_to_numpy(model(x))
    finally:
        keras.config.set_dtype_policy("float32")
    assert y.dtype == np.float16
    np.testing.assert_allclose(y, by_formula(x, *model.get_weights()), atol=0.02)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="TFLite converts from TensorFlow"
)
def test_converted_model_answers_the_same():
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    model, x = with_random_weights(build()), features(1, 6, 5, 8)
    flat = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    run = Interpreter(model_content=flat).get_signature_runner()
    (y,) = run(**{next(iter(run.get_input_details())): x}).values()
    np.testing.assert_allclose(y, model(x), atol=1e-5)


@pytest.mark.parametrize("reduction", [3, 16, 0, -4])
def test_reduction_must_divide_channels(reduction):
    message = f"must divide .* Received: reduction={reduction}, channels=8"
    with pytest.raises(ValueError, match=message):
        build(reduction=reduction)


def test_input_must_be_a_feature_map():
    message = r"`x` must be a feature map .* Received: .* \(None, 6, 8\)"
    with pytest.raises(ValueError, match=message):
        build((6, 8))
