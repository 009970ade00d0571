"""The inverted residual block against its parts."""

import keras
import numpy as np
import pytest

from cnnlab.layers.mbconv import mbconv


def build(channels=8, filters=8, shape=(6, 5), **options):
    inputs = keras.Input((*shape, channels))
    return keras.Model(inputs, mbconv(inputs, filters, **options))


def features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_parameters_are_those_of_its_convolutions_and_normalisations():
    wide, gate = 6 * 8, 8 // 4
    kernels = 8 * wide + 25 * wide + wide * 12
    normalisations = 4 * (wide + wide + 12)
    gates = wide * gate + gate + gate * wide + wide
    model = build(8, 12, kernel_size=5)
    assert model.count_params() == kernels + normalisations + gates


def test_block_that_does_not_widen_has_no_first_convolution():
    kinds = [type(layer).__name__ for layer in build(expansion=1).layers[1:3]]
    assert kinds == ["DepthwiseConv2D", "BatchNormalization"]


@pytest.mark.parametrize(
    ("options", "added"),
    [({}, True), ({"filters": 12}, False), ({"strides": 2}, False)],
)
def test_input_is_added_where_shapes_allow(options, added):
    model = build(**options)
    assert isinstance(model.layers[-1], keras.layers.Add) is added


def test_silent_branch_leaves_the_input():
    model, x = build(), features(2, 6, 5, 8)
    model.layers[-2].gamma.assign(np.zeros(8))
    np.testing.assert_array_equal(model(x), x)


def test_block_without_a_gate_has_only_its_convolutions():
    model = build(squeeze=False, activation="relu6")
    kinds = {type(layer).__name__ for layer in model.layers}
    assert "Multiply" not in kinds
    assert model.count_params() == 48 * (8 + 9 + 8) + 4 * (48 + 48 + 8)


def test_activation_replaces_every_swish():
    kinds = {
        layer.activation.__name__
        for layer in build(squeeze=False, activation="relu6").layers
        if isinstance(layer, keras.layers.Activation)
    }
    assert kinds == {"relu6"}


@pytest.mark.parametrize("options", [{}, {"strides": 2}])
def test_name_is_that_of_the_result(options):
    model = build(name="block", drop_path=0.5, **options)
    assert model.get_layer("block") is model.layers[-1]


def test_strides_shrink_maps_of_odd_and_unknown_size():
    model = build(shape=(None, None), filters=4, strides=2, kernel_size=5)
    assert model(features(2, 7, 6, 8)).shape == (2, 4, 3, 4)


def test_drop_path_skips_whole_images_in_training_and_none_afterwards():
    model, x = build(drop_path=0.5), features(64, 6, 5, 8)
    change = np.abs(np.array(model(x, training=True)) - x).max(axis=(1, 2, 3))
    assert 10 < np.count_nonzero(change == 0) < 54
    change = np.abs(np.array(model(x)) - x).max(axis=(1, 2, 3))
    assert np.count_nonzero(change == 0) == 0
