"""The networks of lesson 02 against their specification."""

import keras
import numpy as np
import pytest

from cnnlab.models.modern_cnn import modern_cnn, simple_cnn


@pytest.mark.parametrize(
    ("build", "parameters"), [(simple_cnn, 268_650), (modern_cnn, 158_506)]
)
def test_parameter_count_is_the_specified_one(build, parameters):
    assert build().count_params() == parameters


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        ({"normalize": False}, 158_506 - 4 * (2 * 32 + 2 * 64 + 128)),
        ({"activation": "relu"}, 158_506),
        ({"pool": "flatten"}, 158_506 + 63 * 128 * 128),
        ({"regularize": False}, 158_506),
        ({"filters": (32, 64, 129)}, 158_506 + 9 * 64 + 5 + 128),
    ],
)
def test_an_option_changes_only_its_ingredient(options, parameters):
    assert modern_cnn(**options).count_params() == parameters


def test_layers_follow_the_specified_order():
    kinds = [type(layer).__name__ for layer in modern_cnn().layers[1:]]
    block = ["Conv2D", "BatchNormalization", "Activation"]
    stage = [*block, *block, "MaxPooling2D", "Dropout"]
    head = ["GlobalAveragePooling2D", "Dense", "Dropout", "Dense"]
    assert kinds == [*stage, *stage, *block, *head]


def test_attention_ends_each_convolutional_block():
    seen = []
    plain = modern_cnn()
    model = modern_cnn(attention=lambda x: seen.append(x) or x)
    assert [x.shape[1:] for x in seen] == [(32, 32, 32), (16, 16, 64), (8, 8, 128)]
    before = [x._keras_history.operation for x in seen]
    assert all(isinstance(layer, keras.layers.Activation) for layer in before)
    assert len(model.layers) == len(plain.layers)


def test_rates_and_penalty_are_the_specified_ones():
    model = modern_cnn()
    rates = [x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)]
    dense = [x for x in model.layers if isinstance(x, keras.layers.Dense)]
    assert rates == [0.25, 0.25, 0.5]
    assert float(dense[0].kernel_regularizer.l2) == pytest.approx(1e-4)
    assert dense[1].kernel_regularizer is None


@pytest.mark.parametrize("build", [simple_cnn, modern_cnn])
def test_output_is_logits_of_the_given_classes(build):
    model = build((24, 16, 1), 7)
    logits = model.predict(np.ones((3, 24, 16, 1), "float32"), verbose=0)
    assert logits.shape == (3, 7)
    assert model.layers[-1].activation is keras.activations.linear


def test_saved_model_reloads_and_answers_the_same(tmp_path):
    model = modern_cnn()
    images = np.random.default_rng(0).random((2, 32, 32, 3), "float32")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(images), model(images), rtol=1e-5, atol=1e-6)


def test_unknown_pool_is_refused():
    message = '`pool` must be "average" or "flatten". Received: \'max\''
    with pytest.raises(ValueError, match=message):
        modern_cnn(pool="max")
