"""The small residual networks against the paper's description."""

import keras
import numpy as np
import pytest

from cnnlab.layers.cbam import cbam
from cnnlab.models.resnet import resnet_small


@pytest.fixture(scope="module")
def resnet_20():
    return resnet_small()


def test_resnet_20_has_the_parameters_of_its_layers_and_of_the_papers_table(resnet_20):
    kernels = 9 * (3 * 16 + 6 * 16**2 + 16 * 32 + 5 * 32**2 + 32 * 64 + 5 * 64**2)
    normalisations = 2 * (7 * 16 + 6 * 32 + 6 * 64)
    expected = kernels + normalisations + 65 * 10
    learned = sum(int(np.prod(weight.shape)) for weight in resnet_20.trainable_weights)
    assert learned == expected == 269_722  # table 6: 0.27 M
    assert resnet_20.name == "resnet_20"


def test_maps_shrink_twice_while_channels_double(resnet_20):
    adds = [x for x in resnet_20.layers if isinstance(x, keras.layers.Add)]
    sizes = [add.output.shape[1:] for add in adds]
    assert sizes == [(32, 32, 16)] * 3 + [(16, 16, 32)] * 3 + [(8, 8, 64)] * 3


def test_silent_branches_leave_the_shortcut():
    model = resnet_small((16, 12, 3), num_blocks=1, filters=(16, 32))
    first, last = model.layers[3], model.layers[-3]
    for layer in model.layers[4:]:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(keras.ops.zeros(layer.gamma.shape))
    maps = keras.Model(model.input, [first.output, last.output])
    images = np.random.default_rng(0).random((2, 16, 12, 3), "float32")
    before, after = maps.predict(images, verbose=0)
    np.testing.assert_allclose(after[..., 8:24], before[:, ::2, ::2])
    np.testing.assert_array_equal(after[..., :8], 0)
    np.testing.assert_array_equal(after[..., 24:], 0)


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
    options = {"num_blocks": 1, "attention": lambda x: cbam(x, 4)}
    model = resnet_small((12, 10, 3), 7, **options)
    images = np.random.default_rng(0).random((2, 12, 10, 3), "float32")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    before, after = (np.array(x(images)) for x in (model, again))
    assert after.shape == (2, 7)
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)
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
