"""CBAM against the formulas of its paper."""

import keras
import numpy as np
import pytest
from scipy.ndimage import correlate

from cnnlab.layers.cbam import cbam, channel_gate, spatial_gate


def build(block, shape=(6, 5, 8), **options):
    inputs = keras.Input(shape)
    return keras.Model(inputs, block(inputs, **options))


def with_random_weights(model, seed=0):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    return model


def features(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def channels_by_formula(x, w1, b1, w2, b2):
    """Equation 2 of the paper, with the biases of the authors' code."""
    said = [
        np.maximum(descriptor @ w1 + b1, 0) @ w2 + b2
        for descriptor in (x.mean((1, 2)), x.max((1, 2)))
    ]
    return x * sigmoid(sum(said))[:, None, None, :]


def places_by_formula(x, kernel):
    """Equation 3 of the paper, the convolution by SciPy."""
    maps = np.stack([x.mean(-1), x.max(-1)], -1)
    seen = [
        sum(
            correlate(image[..., i], kernel[..., i, 0], mode="constant") for i in (0, 1)
        )
        for image in maps
    ]
    return x * sigmoid(np.stack(seen))[..., None]


def by_formula(x, *weights):
    return places_by_formula(channels_by_formula(x, *weights[:4]), weights[4])


@pytest.mark.parametrize(
    ("block", "options", "formula"),
    [
        (channel_gate, {"reduction": 4}, channels_by_formula),
        (spatial_gate, {"kernel_size": 3}, places_by_formula),
        (cbam, {"reduction": 4}, by_formula),
    ],
)
def test_output_is_that_of_the_formula(block, options, formula):
    model, x = with_random_weights(build(block, **options)), features(3, 6, 5, 8)
    expected = formula(x, *model.get_weights())
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "reduction", "kernel_size"), [(8, 4, 7), (32, 16, 3), (16, 16, 1)]
)
def test_parameters_are_one_shared_network_and_one_kernel(
    channels, reduction, kernel_size
):
    model = build(cbam, (9, 9, channels), reduction=reduction, kernel_size=kernel_size)
    shared = 2 * channels**2 // reduction + channels // reduction + channels
    assert model.count_params() == shared + 2 * kernel_size**2


def test_batch_and_image_may_have_any_size():
    model = with_random_weights(build(cbam, (None, None, 8), reduction=4))
    assert model.output_shape == (None, None, None, 8)
    for shape in ((1, 6, 5, 8), (2, 3, 9, 8)):
        x = features(*shape)
        expected = by_formula(x, *model.get_weights())
        np.testing.assert_allclose(model(x), expected, atol=1e-5)


def test_saved_model_reloads_in_plain_keras(tmp_path):
    model = with_random_weights(build(cbam, reduction=4))
    x = features(2, 6, 5, 8)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(x), model(x), atol=1e-6)
    assert "cnnlab" not in model.to_json()


def test_mixed_precision_stays_near_the_formula():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = with_random_weights(build(cbam, reduction=4))
        x = features(2, 6, 5, 8)
        y = keras.ops.convert_to_numpy(model(x))
    finally:
        keras.config.set_dtype_policy("float32")
    assert y.dtype == np.float16
    np.testing.assert_allclose(y, by_formula(x, *model.get_weights()), atol=0.05)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="TFLite converts from TensorFlow"
)
def test_converted_model_answers_the_same():
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    model = with_random_weights(build(cbam, reduction=4))
    x = features(1, 6, 5, 8)
    flat = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    run = Interpreter(model_content=flat).get_signature_runner()
    (y,) = run(**{next(iter(run.get_input_details())): x}).values()
    np.testing.assert_allclose(y, model(x), atol=1e-5)


@pytest.mark.parametrize("reduction", [3, 16, 0, -4])
def test_reduction_must_divide_channels(reduction):
    message = f"must divide .* Received: reduction={reduction}, channels=8"
    with pytest.raises(ValueError, match=message):
        build(cbam, reduction=reduction)


@pytest.mark.parametrize("kernel_size", [2, 0, -1])
def test_window_must_have_a_centre(kernel_size):
    message = f"`kernel_size` must be odd.* Received: {kernel_size}"
    with pytest.raises(ValueError, match=message):
        build(cbam, reduction=4, kernel_size=kernel_size)


@pytest.mark.parametrize("block", [cbam, channel_gate, spatial_gate])
def test_input_must_be_a_feature_map(block):
    message = r"`x` must be a feature map .* Received: .* \(None, 6, 8\)"
    with pytest.raises(ValueError, match=message):
        build(block, (6, 8))
