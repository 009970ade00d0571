"""The small residual networks against the paper's description."""

import keras
import numpy as np
import pytest

from cnnlab.layers.cbam import cbam
from cnnlab.models.resnet import resnet_small


def trainable_parameters(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize(
    ("num_blocks", "depth", "millions"),
    [(3, 20, 0.27), (9, 56, 0.85)],
)
def test_parameters_are_those_of_the_papers_table_6(num_blocks, depth, millions):
    model = resnet_small(num_blocks=num_blocks)
    assert model.name == f"resnet_{depth}"
    assert round(trainable_parameters(model) / 1e6, 2) == millions


def test_resnet_20_has_exactly_the_parameters_of_its_layers():
    kernels = 9 * (3 * 16 + 6 * 16**2 + 16 * 32 + 5 * 32**2 + 32 * 64 + 5 * 64**2)
    normalisations = 2 * (7 * 16 + 6 * 32 + 6 * 64)
    expected = kernels + normalisations + 65 * 10
    assert trainable_parameters(resnet_small()) == expected == 269_722


def test_maps_shrink_twice_while_channels_double():
    adds = [x for x in resnet_small().layers if isinstance(x, keras.layers.Add)]
    sizes = [add.output.shape[1:] for add in adds]
    assert sizes == [(32, 32, 16)] * 3 + [(16, 16, 32)] * 3 + [(8, 8, 64)] * 3


def test_silent_branches_leave_the_shortcut():
    model = resnet_small((8, 8, 3), num_blocks=1, filters=(4, 6))
    first, last = model.layers[3], model.layers[-3]
    for layer in model.layers[4:]:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(keras.ops.zeros(layer.gamma.shape))
    maps = keras.Model(model.input, [first.output, last.output])
    before, after = maps(np.random.default_rng(0).random((2, 8, 8, 3), "float32"))
    np.testing.assert_allclose(after[..., 1:5], before[:, ::2, ::2])
    np.testing.assert_array_equal(after[..., :1], 0)
    np.testing.assert_array_equal(after[..., 5:], 0)


def test_attention_stands_between_the_last_normalisation_and_the_addition():
    attended = []

    def attention(x):
        attended.append(x)
        return keras.layers.Rescaling(2.0)(x)

    model = resnet_small(num_blocks=2, attention=attention)
    before = [x._keras_history.operation for x in attended]
    assert len(attended) == 6
    assert all(isinstance(layer, keras.layers.BatchNormalization) for layer in before)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Add):
            branch = layer.input[1]._keras_history.operation
            assert isinstance(branch, keras.layers.Rescaling)


def test_saved_model_with_attention_reloads_in_plain_keras(tmp_path):
    model = resnet_small(
        (12, 10, 1), 7, num_blocks=1, filters=(4, 8, 9), attention=lambda x: cbam(x, 1)
    )
    images = np.random.default_rng(0).random((2, 12, 10, 1), "float32")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again(images).shape == (2, 7)
    np.testing.assert_allclose(again(images), model(images), rtol=1e-5, atol=1e-6)
    assert "cnnlab" not in model.to_json()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_blocks": 0}, "`num_blocks` must be at least 1. Received: 0"),
        ({"filters": (8, 4)}, r"`filters` must not decrease. Received: \(8, 4\)"),
    ],
)
def test_impossible_sizes_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        resnet_small(**options)
