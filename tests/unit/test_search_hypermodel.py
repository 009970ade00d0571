import itertools
import json

import keras
import keras_tuner
import numpy as np
import pytest
from keras import layers

from cnnlab.search.hypermodel import RANGES, ConvolutionalSpace, Ranges
from cnnlab.search.objectives import Budget

SMALL = Ranges(blocks=(1, 3), filters=(4, 8), filters_step=4, dropout=(0.1, 0.2))


def chosen(**values):
    """The hyperparameters of one network; what is not given is the smallest."""
    choice = keras_tuner.HyperParameters()
    choice.values = values
    return choice


def pools(model):
    return sum(isinstance(layer, layers.MaxPooling2D) for layer in model.layers)


def test_the_whole_space_has_as_many_combinations_as_counted_by_hand():
    # 8 sizes for each block, gates or none, five rates of dropout
    assert ConvolutionalSpace().count() == (8**2 + 8**3 + 8**4 + 8**5) * 2 * 5


@pytest.mark.parametrize(
    "ranges",
    [
        SMALL,
        SMALL._replace(squeeze_excite=(True,)),
        SMALL._replace(blocks=(2, 2), dropout=(0.3, 0.3)),
        SMALL._replace(filters=(4, 15), dropout=(0.1, 0.5)),
    ],
)
def test_the_count_is_that_of_brute_force(ranges):
    space = ConvolutionalSpace((8, 8, 1), 3, ranges)
    whole = keras_tuner.HyperParameters()
    space.choose(whole)
    discrete = [each for each in whole.space if each.name != "learning_rate"]
    found = set()
    for values in itertools.product(*[list(each.values) for each in discrete]):
        choice = chosen(**{each.name: v for each, v in zip(discrete, values)})
        network = space.choose(choice)
        network["filters"] = tuple(network["filters"])
        found.add(tuple(network.items()))
    assert space.count() == len(found)


def test_only_the_filters_of_existing_blocks_are_chosen():
    choice = chosen(blocks=2)
    network = ConvolutionalSpace((8, 8, 1), 3, SMALL).choose(choice)
    assert len(network["filters"]) == 2
    assert "filters_3" not in choice.values


@pytest.mark.parametrize("gates", [False, True])
def test_parameters_are_those_of_the_blocks(gates):
    values = {"blocks": 2, "filters_1": 8, "filters_2": 4, "squeeze_excite": gates}
    model = ConvolutionalSpace((8, 8, 3), 10, SMALL).build(chosen(**values))
    convolutions = 9 * 3 * 8 + 4 * 8 + 9 * 8 * 4 + 4 * 4
    hidden = {8: 2, 4: 1}
    each = [2 * c * h + h + c for c, h in hidden.items()]
    assert model.count_params() == convolutions + 4 * 10 + 10 + gates * sum(each)


def test_dropout_and_rate_are_those_chosen():
    choice = chosen(dropout=0.2, learning_rate=0.005)
    model = ConvolutionalSpace((8, 8, 1), 3, SMALL).build(choice)
    (dropout,) = [each for each in model.layers if isinstance(each, layers.Dropout)]
    assert dropout.rate == 0.2
    assert float(model.optimizer.learning_rate) == pytest.approx(0.005)


@pytest.mark.parametrize(("pixels", "expected"), [(1, 0), (7, 1), (16, 3), (32, 4)])
def test_no_map_is_pooled_below_two_pixels(pixels, expected):
    ranges = SMALL._replace(blocks=(5, 5))
    model = ConvolutionalSpace((pixels, 40, 1), 3, ranges).build(chosen())
    assert pools(model) == expected
    shapes = [
        layer.output.shape for layer in model.layers if len(layer.output.shape) == 4
    ]
    assert min(shape[1] for shape in shapes) == min(pixels, shapes[-1][1])
    assert model(np.zeros((2, pixels, 40, 1), "float32")).shape == (2, 3)


def test_hyperband_finds_the_optimizer_as_it_left_it(tmp_path):
    space = ConvolutionalSpace((4, 4, 1), 3, SMALL)
    before, after = space.build(chosen()), space.build(chosen())
    for variable in before.optimizer.variables:
        variable.assign(variable + 1)
    before.save_weights(tmp_path / "x.weights.h5")
    after.load_weights(tmp_path / "x.weights.h5")
    moments = 2 * len(before.trainable_variables)
    assert len(after.optimizer.variables) == 2 + moments  # steps and rate
    for one, other in zip(before.optimizer.variables, after.optimizer.variables):
        np.testing.assert_array_equal(one, other)


def test_the_space_describes_itself_in_json():
    described = ConvolutionalSpace((16, 16, 3), 10).describe()
    assert json.loads(json.dumps(described)) == described
    assert described["filters"] == [32, 256]
    assert described["budget"] is None
    assert set(RANGES._fields) <= set(described)


def test_a_caption_names_what_was_chosen():
    values = {"blocks": 2, "filters_1": 32, "filters_2": 64, "filters_3": 96}
    values |= {"squeeze_excite": True, "dropout": 0.1, "learning_rate": 0.00123}
    caption = ConvolutionalSpace().caption(values)
    assert caption == "32-64 SE, dropout 0.1, rate 0.0012"


def test_the_found_network_is_made_of_stock_layers(tmp_path):
    choice = chosen(squeeze_excite=True)
    model = ConvolutionalSpace((8, 8, 1), 3, SMALL).build(choice)
    model.save(tmp_path / "found.keras")
    images = np.random.default_rng(0).random((2, 8, 8, 1), "float32")
    loaded = keras.saving.load_model(tmp_path / "found.keras")
    np.testing.assert_allclose(loaded(images), model(images), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"blocks": (3, 2)},
            r"`blocks` must be two numbers .*Received: blocks=\(3, 2\)",
        ),
        ({"blocks": (0, 2)}, "`blocks` must be two numbers above 0"),
        ({"dropout": (0.5, 0.1)}, "`dropout` must be two numbers"),
        ({"learning_rate": (0, 0.1)}, "`learning_rate` must be two numbers above 0"),
        ({"filters": (6, 12)}, "must be multiples of 4, .*Received: "),
        ({"filters_step": 6}, "must be multiples of 4"),
        ({"filters_step": 0}, "must be multiples of 4"),
        ({"squeeze_excite": ()}, "`squeeze_excite` must hold False, True or both"),
        (
            {"squeeze_excite": ("yes",)},
            "`squeeze_excite` must hold False, True or both",
        ),
    ],
)
def test_ranges_must_leave_something_to_choose(change, message):
    with pytest.raises(ValueError, match=message):
        ConvolutionalSpace((8, 8, 1), 3, SMALL._replace(**change))


@pytest.mark.parametrize("shape", [(8, 8), (0, 8, 1)])
def test_images_must_have_pixels(shape):
    with pytest.raises(ValueError, match="`input_shape` must be height, width and"):
        ConvolutionalSpace(shape)


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_a_budget_must_leave_something(limit):
    budget = Budget("products", limit, None)
    with pytest.raises(ValueError, match="limit must be greater than 0. Received: "):
        ConvolutionalSpace((8, 8, 1), 3, SMALL, budget)
