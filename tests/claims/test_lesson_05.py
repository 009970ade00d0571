"""The whole family against `keras.applications`, with random weights."""

import keras
import numpy as np
import pytest

from cnnlab.models.efficientnet import VARIANTS, copy_weights, efficientnet

PARAMETERS = {
    "b0": 5_330_571,
    "b1": 7_856_239,
    "b2": 9_177_569,
    "b3": 12_320_535,
    "b4": 19_466_823,
    "b5": 30_562_527,
    "b6": 43_265_143,
    "b7": 66_658_687,
}


def published(variant, **options):
    build = getattr(keras.applications, f"EfficientNet{variant.upper()}")
    return build(weights=None, classifier_activation=None, **options)


@pytest.mark.parametrize("variant", PARAMETERS)
def test_every_variant_is_built_as_in_keras_applications(variant):
    ours, theirs = efficientnet(variant), published(variant)
    assert ours.count_params() == PARAMETERS[variant]
    assert ours.input_shape == theirs.input_shape
    assert [x.shape for x in ours.weights] == [x.shape for x in theirs.weights]
    rates = [
        [x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)]
        for model in (ours, theirs)
    ]
    assert rates[0] == pytest.approx(rates[1])


def test_no_variant_but_ours_is_unpublished():
    assert set(VARIANTS) - set(PARAMETERS) == {"small"}


@pytest.mark.parametrize("pixels", [64, 75])
def test_b1_answers_as_in_keras_applications_at_even_and_odd_sizes(pixels):
    keras.utils.set_random_seed(0)
    shape, rng = (pixels, pixels, 3), np.random.default_rng(0)
    ours, theirs = efficientnet("b1", shape), published("b1", input_shape=shape)
    weights = theirs.get_weights()
    theirs.set_weights(
        [rng.uniform(0.5, 1.5, x.shape) if x.ndim == 1 else x for x in weights]
    )
    theirs.layers[2].finalize_state()
    copy_weights(ours, theirs)
    images = rng.random((2, *shape), "float32")
    expected = np.array(theirs(255 * images))
    np.testing.assert_allclose(ours(images), expected, atol=3e-4 * expected.std())
