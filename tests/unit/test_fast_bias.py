"""A fast bias against SGD by hand, with a rate of its own for the gradient."""

import keras
import numpy as np
import pytest

from cnnlab.layers.fast_bias import FastBias

RATE = 0.01
GRADIENTS = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")
START = np.array([1.0, -2.0], "float32")


def fitted(speed, **options):
    """What the layer adds after a step for each gradient; it adds START before."""
    inputs = keras.Input((2,))
    model = keras.Model(inputs, FastBias(speed)(inputs))
    model.set_weights([START / speed**0.5])
    sgd = keras.optimizers.SGD(RATE, **options)
    model.compile(sgd, lambda wanted, added: keras.ops.sum(wanted * added))
    nothing = np.zeros_like(GRADIENTS)
    model.fit(nothing, GRADIENTS, batch_size=1, shuffle=False, verbose=0)
    return keras.ops.convert_to_numpy(model(nothing))[0]


def by_hand(speed, momentum=0.0, nesterov=False, weight_decay=0.0):
    """The same: the gradient moves `speed` times as far, decay shrinks as ever."""
    added, velocity = START.astype("float64"), 0
    for gradient in GRADIENTS:
        added = added * (1 - RATE * weight_decay)
        step = -speed * RATE * gradient
        velocity = momentum * velocity + step
        added = added + (momentum * velocity + step if nesterov else velocity)
    return added


def test_gradient_descent_moves_it_exactly_speed_times_as_far():
    moved = fitted(64.0) - START
    np.testing.assert_allclose(moved, -64 * RATE * GRADIENTS.sum(0), rtol=1e-5)


@pytest.mark.parametrize("speed", [1.0, 16.0])
def test_momentum_is_as_fast_and_weight_decay_as_slow_as_ever(speed):
    options = {"momentum": 0.9, "nesterov": True, "weight_decay": 5.0}
    expected = by_hand(speed, **options)
    assert np.abs(expected - by_hand(speed, momentum=0.9, nesterov=True)).min() > 0.1
    np.testing.assert_allclose(fitted(speed, **options), expected, rtol=1e-5)


def test_it_starts_at_nothing_and_adds_the_same_at_every_place():
    layer, x = FastBias(4.0), np.random.default_rng(0).random((2, 3, 3, 2), "float32")
    np.testing.assert_array_equal(layer(x), x)
    layer.bias.assign([1.0, -0.5])
    np.testing.assert_allclose(layer(x), x + np.array([2.0, -1.0]), rtol=1e-6)


def test_its_configuration_brings_it_back():
    again = FastBias.from_config(FastBias(9.0, name="fast").get_config())
    assert (again.speed, again.name) == (9.0, "fast")


@pytest.mark.parametrize("speed", [0, -1.0])
def test_speed_must_be_positive(speed):
    with pytest.raises(ValueError, match=f"must be positive. Received: {speed}"):
        FastBias(speed)
