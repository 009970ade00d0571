import functools

import keras
import keras_tuner
import numpy as np
import pytest
from keras import layers

from cnnlab.search.hypermodel import build, name_architecture

small = functools.partial(
    build,
    input_shape=(8, 8, 3),
    blocks=(1, 3),
    filters=(4, 8),
    filters_step=4,
)


def chosen(**values):
    """The hyperparameters of one network; what is not given is the smallest."""
    choice = keras_tuner.HyperParameters()
    choice.values = values
    return choice


def pools(model):
    return sum(isinstance(layer, layers.MaxPooling2D) for layer in model.layers)


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_only_the_filters_of_existing_blocks_are_chosen(blocks):
    choice = chosen(blocks=blocks)
    small(choice)
    found = {name for name in choice.values if name.startswith("filters")}
    assert found == {f"filters_{number}" for number in range(1, blocks + 1)}


@pytest.mark.parametrize("gates", [False, True])
def test_parameters_are_those_of_the_blocks(gates):
    values = {"blocks": 2, "filters_1": 8, "filters_2": 4, "squeeze_excite": gates}
    model = small(chosen(**values))
    convolutions = 9 * 3 * 8 + 4 * 8 + 9 * 8 * 4 + 4 * 4
    hidden = {8: 2, 4: 1}
    each = [2 * c * h + h + c for c, h in hidden.items()]
    assert model.count_params() == convolutions + 4 * 10 + 10 + gates * sum(each)


def test_dropout_and_learning_rate_are_those_chosen():
    model = small(chosen(dropout=0.2, learning_rate=0.005))
    (dropout,) = [each for each in model.layers if isinstance(each, layers.Dropout)]
    assert dropout.rate == 0.2
    assert float(model.optimizer.learning_rate) == pytest.approx(0.005)


@pytest.mark.parametrize(("pixels", "expected"), [(1, 0), (7, 1), (16, 3), (32, 4)])
def test_no_map_is_pooled_below_two_pixels(pixels, expected):
    model = small(chosen(), input_shape=(pixels, 40, 1), num_classes=3, blocks=(5, 5))
    assert pools(model) == expected
    shapes = [each.output.shape for each in model.layers if each.output.ndim == 4]
    assert min(shape[1] for shape in shapes) == min(pixels, shapes[-1][1])
    assert model(np.zeros((2, pixels, 40, 1), "float32")).shape == (2, 3)


def test_hyperband_finds_the_optimizer_as_it_left_it(tmp_path):
    before, after = small(chosen()), small(chosen())
    for variable in before.optimizer.variables:
        variable.assign(variable + 1)
    before.save_weights(tmp_path / "x.weights.h5")
    after.load_weights(tmp_path / "x.weights.h5")
    moments = 2 * len(before.trainable_variables)
    assert len(after.optimizer.variables) == 2 + moments  # steps and learning rate
    for one, other in zip(before.optimizer.variables, after.optimizer.variables):
        np.testing.assert_array_equal(one, other)


def test_the_found_network_reloads_in_plain_keras(tmp_path):
    model = small(chosen(squeeze_excite=True))
    model.save(tmp_path / "found.keras")
    images = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
    loaded = keras.saving.load_model(tmp_path / "found.keras")
    np.testing.assert_allclose(loaded(images), model(images), atol=1e-6)


def test_filters_must_suit_the_gates():
    with pytest.raises(ValueError, match="`reduction` must divide .*Received: "):
        small(chosen(squeeze_excite=True), filters=(6, 12))


@pytest.mark.parametrize(("gates", "expected"), [(False, "32-64"), (True, "32-64 SE")])
def test_an_architecture_is_named_by_its_blocks(gates, expected):
    values = {"blocks": 2, "filters_1": 32, "filters_2": 64, "filters_3": 96}
    assert name_architecture({**values, "squeeze_excite": gates}) == expected
