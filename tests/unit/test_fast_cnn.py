"""The fast network against the formulas of its parts."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnlab.layers.fast_bias import FastBias
from cnnlab.layers.whitening import whitening_filters
from cnnlab.models.fast_cnn import FILTERS, fast_cnn

SIZES = {"input_shape": (7, 7, 1), "filters": (4,), "num_classes": 5}


def pictures(num_images=4):
    return np.random.default_rng(0).random((num_images, 7, 7, 1), "float32")


def parameters(patches, filters, num_classes):
    """Two kernels, biases and statistics a block, and the head's kernel."""
    blocks = sum(
        9 * before * now + 9 * now**2 + 2 * 3 * now
        for before, now in zip((patches, *filters), filters)
    )
    return blocks + filters[-1] * num_classes


@pytest.fixture(scope="module")
def whitened():
    """A network behind the whitening of single pixels: two filters."""
    return fast_cnn(whitening_filters(pictures(), kernel_size=1), **SIZES)


@pytest.fixture(scope="module")
def learned():
    """A network of which every part starts as noise and learns."""
    keras.utils.set_random_seed(0)
    options = {"activation": "relu", "bias_speed": 3.0, "identity": False}
    return fast_cnn(None, **SIZES, **options)


@pytest.fixture(scope="module")
def mixed():
    """A network that learns its first layer, and computes in bfloat16."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return fast_cnn(None, **SIZES)
    finally:
        keras.config.set_dtype_policy(before)


def of_kind(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


def test_parameter_count_is_the_sum_of_its_parts(whitened, learned):
    assert whitened.count_params() == 2 + 2 + parameters(2, (4,), 5)
    assert learned.count_params() == 4 * 8 + 8 + parameters(8, (4,), 5)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="JAX compiles it for seconds"
)
def test_parameter_count_of_three_blocks_is_the_recorded_one():
    assert fast_cnn(None).count_params() == 1_973_944
    assert 12 * 24 + 24 + parameters(24, FILTERS, 10) == 1_973_944


def test_whitening_and_statistics_are_not_trained(whitened, learned):
    for model, fixed in ((whitened, 2 + 2), (learned, 0)):
        held = sum(np.prod(weight.shape) for weight in model.non_trainable_weights)
        assert held == fixed + 2 * 2 * 4


def test_first_layer_is_the_given_whitening(whitened):
    given = whitening_filters(pictures(), kernel_size=1)
    for held, wanted in zip(whitened.layers[1].get_weights(), given):
        np.testing.assert_array_equal(held, wanted)


def test_convolutions_start_by_passing_their_channels_on(whitened, mixed):
    x = np.random.default_rng(0).normal(size=(1, 3, 3, 8)).astype("float32")
    wider, same = of_kind(whitened, layers.Conv2D)[1:]
    answers = keras.ops.convert_to_numpy(wider(x[..., :2]))
    np.testing.assert_allclose(answers[..., :2], x[..., :2], atol=1e-6)
    assert answers[..., 2:].std((0, 1, 2)).min() > 0.1  # the rest are noise
    np.testing.assert_allclose(same(x[..., :4]), x[..., :4], atol=1e-6)
    narrower = of_kind(mixed, layers.Conv2D)[1].get_weights()[0]
    np.testing.assert_array_equal(narrower[1, 1, :4], np.eye(4))
    assert narrower.sum() == 4


def test_noise_is_uniform_within_the_stated_bound(learned):
    kernels = [layer.get_weights()[0] for layer in learned.layers if bare(layer)]
    shares = [kernel * np.prod(kernel.shape[:-1]) ** 0.5 for kernel in kernels]
    assert [share.shape for share in shares] == [(3, 3, 8, 4), (3, 3, 4, 4), (4, 5)]
    for share in shares:
        assert 0.75 < np.abs(share).max() < 1.001
    values = np.concatenate([share.ravel() for share in shares])
    quartiles = np.quantile(values, [0.25, 0.5, 0.75])
    np.testing.assert_allclose(quartiles, [-0.5, 0, 0.5], atol=0.15)


def bare(layer):
    return isinstance(layer, layers.Conv2D | layers.Dense) and not layer.use_bias


def test_a_block_pools_right_after_its_first_convolution(whitened):
    kinds = [type(layer).__name__ for layer in whitened.layers[1:]]
    normalized = ["BatchNormalization", "FastBias", "Activation"]
    block = ["Conv2D", "MaxPooling2D", *normalized, "Conv2D", *normalized]
    head = ["GlobalMaxPooling2D", "Rescaling", "Dense"]
    assert kinds == ["Conv2D", "Activation", *block, *head]


def test_activation_and_speed_reach_every_layer(whitened, learned):
    for model, activation, speed in ((whitened, "gelu", 64), (learned, "relu", 3)):
        names = {x.activation.__name__ for x in of_kind(model, layers.Activation)}
        assert names == {activation}
        assert {layer.speed for layer in of_kind(model, FastBias)} == {speed}


def test_logits_are_a_ninth_of_what_the_head_makes_of_its_features(whitened):
    flat, head = whitened.layers[-3], whitened.layers[-1]
    both = keras.Model(whitened.input, [flat.output, head.output])
    features, logits = map(keras.ops.convert_to_numpy, both(pictures()))
    assert features.shape == (4, 4)
    expected = features @ head.get_weights()[0] / 9
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-6)


def test_normalisation_forgets_fast_and_learns_neither_scale_nor_centre(whitened):
    for layer in of_kind(whitened, layers.BatchNormalization):
        assert (layer.momentum, layer.scale, layer.center) == (0.6, False, False)


def test_saved_model_reloads_and_answers_the_same(whitened, tmp_path):
    whitened.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    logits = keras.ops.convert_to_numpy(whitened(pictures()))
    assert logits.shape == (4, 5)
    np.testing.assert_allclose(again(pictures()), logits, rtol=1e-5, atol=1e-6)
    assert not again.layers[1].trainable


def test_logits_are_float32_under_mixed_precision(mixed):
    assert mixed.output.dtype == "float32"
    assert mixed.layers[-3].output.dtype == "bfloat16"  # the last feature map
    assert {weight.dtype for weight in mixed.trainable_weights} == {"float32"}


def test_convolutions_alone_may_compute_in_another_type(whitened):
    patches = whitening_filters(pictures(), kernel_size=1)
    halved = fast_cnn(patches, **SIZES, convolution_dtype="mixed_bfloat16")
    in_bfloat16 = [x for x in halved.layers if x.compute_dtype == "bfloat16"]
    kinds = [type(layer).__name__ for layer in in_bfloat16]
    assert kinds == ["Conv2D", "MaxPooling2D", "Conv2D"]
    assert {weight.dtype for weight in halved.weights} == {"float32"}
    halved.set_weights(whitened.get_weights())
    logits = [keras.ops.convert_to_numpy(m(pictures())) for m in (whitened, halved)]
    np.testing.assert_allclose(logits[1], logits[0], atol=0.02)
    assert np.abs(logits[1] - logits[0]).max() > 1e-5


def test_the_same_weights_take_images_of_any_size(whitened):
    anywhere = fast_cnn(
        whitening_filters(pictures(), kernel_size=1),
        **{**SIZES, "input_shape": (None, None, 1)},
    )
    anywhere.set_weights(whitened.get_weights())
    logits = [keras.ops.convert_to_numpy(m(pictures())) for m in (whitened, anywhere)]
    np.testing.assert_allclose(logits[1], logits[0], rtol=1e-5, atol=1e-6)
    assert anywhere(np.zeros((2, 11, 9, 1), "float32")).shape == (2, 5)
