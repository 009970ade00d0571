"""The shared block is its three stock layers, and nothing else."""

import keras
import numpy as np

from cnnlab.layers.conv_norm import conv_norm, norm_act


def build(**options):
    inputs = keras.Input((9, 7, 3))
    return keras.Model(inputs, conv_norm(inputs, 4, **options))


def test_block_equals_its_three_layers_and_reloads(tmp_path):
    model = build(strides=2, activation="swish", epsilon=1e-2)
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.5, 2, w.shape) for w in model.get_weights()])
    kernel, gamma, beta, mean, variance = model.get_weights()
    x = random.normal(size=(2, 9, 7, 3)).astype("float32")
    y = np.array(keras.ops.conv(x, kernel.astype("float32"), 2, "same"))
    y = gamma * (y - mean) / np.sqrt(variance + 1e-2) + beta
    expected = y / (1 + np.exp(-y))
    assert expected.shape == (2, 5, 4, 4)
    np.testing.assert_allclose(model(x), expected, rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "block.keras")
    reloaded = keras.models.load_model(tmp_path / "block.keras")
    np.testing.assert_array_equal(reloaded(x), model(x))


def test_bias_is_left_out_unless_asked_for():
    kernel, statistics = 3 * 3 * 3 * 4, 4 * 4
    assert build().count_params() == kernel + statistics
    assert build(use_bias=True).count_params() == kernel + 4 + statistics


def test_activation_may_be_left_out():
    assert not any(isinstance(x, keras.layers.Activation) for x in build().layers)


def test_normalisation_works_on_volumes_too():
    inputs = keras.Input((2, 3, 4, 5))
    assert norm_act(inputs, "relu").shape == (None, 2, 3, 4, 5)
