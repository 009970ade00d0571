"""EfficientNet against `keras.applications`, with random weights and no download."""

import re

import keras
import numpy as np
import pytest
from keras.src.applications import efficientnet as published

from cnnlab.models.efficientnet import (
    VARIANTS,
    copy_weights,
    efficientnet,
    scale_filters,
    scaled_blocks,
)

ON_TENSORFLOW = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="compiled shape by shape, this takes JAX ten seconds and more",
)


@pytest.fixture(scope="module")
def b0():
    return efficientnet("b0", (64, 64, 3))


@pytest.fixture(scope="module")
def lite0():
    return efficientnet("lite0", (None, None, 3))


@pytest.fixture(scope="module", autouse=True)
def _tiny_variant():
    """A variant of few shapes: one compiles them all in seconds."""
    VARIANTS["tiny"] = (0.1, 0.1, 32, 0.3, VARIANTS["small"][-1])
    VARIANTS["lite_tiny"] = VARIANTS["tiny"]
    yield
    del VARIANTS["tiny"], VARIANTS["lite_tiny"]


@pytest.fixture(scope="module")
def tiny(_tiny_variant):
    return efficientnet("tiny", num_classes=10)


@pytest.fixture(scope="module")
def other(_tiny_variant):
    return efficientnet("tiny", num_classes=10, dropout=0.7, drop_path=0)


@pytest.fixture(scope="module")
def headless(_tiny_variant):
    return efficientnet("tiny", (None, None, 3), num_classes=None)


@pytest.fixture(scope="module")
def half_precision(_tiny_variant):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return efficientnet("tiny", num_classes=10)
    finally:
        keras.config.set_dtype_policy("float32")


def features_of(model):
    return keras.Model(model.input, model.get_layer("features").output)


def images(*shape):
    return np.random.default_rng(0).random(shape, "float32")


def randomized(model):
    """Gives every vector of a `keras.applications` model random values."""
    rng = np.random.default_rng(0)
    model.set_weights(
        [
            rng.uniform(0.5, 1.5, weight.shape) if weight.ndim == 1 else weight
            for weight in model.get_weights()
        ]
    )
    model.layers[2].finalize_state()
    return model


def pretrained(monkeypatch, **options):
    """Builds B0 as for ImageNet, with its second rescaling, but downloads nothing."""
    monkeypatch.setattr(published.file_utils, "get_file", lambda *_, **__: None)
    monkeypatch.setattr(keras.Model, "load_weights", lambda *_: None)
    inputs = keras.Input((64, 64, 3))
    return published.EfficientNetB0(weights="imagenet", input_tensor=inputs, **options)


@ON_TENSORFLOW
def test_parameters_are_those_of_keras_applications(b0):
    assert b0.count_params() == 5_330_571
    assert b0.count_params() - 1281 * 1000 == 4_049_571


@ON_TENSORFLOW
@pytest.mark.parametrize(
    ("variant", "trainable"),
    [
        ("lite0", 4_652_008),
        # 10 s for the larger ones
        pytest.param("lite1", 5_416_680, marks=pytest.mark.nightly),
        pytest.param("lite2", 6_092_072, marks=pytest.mark.nightly),
        pytest.param("lite3", 8_197_096, marks=pytest.mark.nightly),
        pytest.param("lite4", 13_006_568, marks=pytest.mark.nightly),
    ],
)
def test_parameters_of_the_lite_networks_are_those_published(variant, trainable):
    model = efficientnet(variant)
    assert sum(np.prod(x.shape) for x in model.trainable_weights) == trainable
    pixels = {"lite0": 224, "lite1": 240, "lite2": 260, "lite3": 280, "lite4": 300}
    assert model.input_shape == (None, pixels[variant], pixels[variant], 3)


@ON_TENSORFLOW
def test_lite0_counts_its_statistics_and_its_head(lite0):
    assert lite0.count_params() == 4_694_024
    assert lite0.count_params() - 1281 * 1000 == 3_413_024


@ON_TENSORFLOW
def test_lite_networks_are_convolutions_normalisations_and_relu6(lite0):
    kinds = {type(layer).__name__ for layer in lite0.layers}
    assert kinds == {
        "InputLayer",
        "Conv2D",
        "DepthwiseConv2D",
        "BatchNormalization",
        "Activation",
        "Add",
        "Dropout",
        "GlobalAveragePooling2D",
        "Dense",
    }
    layers = keras.layers
    for layer in lite0.layers:
        if isinstance(layer, layers.Activation):
            assert layer.activation.__name__ == "relu6"
        if isinstance(layer, layers.BatchNormalization):
            assert layer.epsilon == 1e-3
        if isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D)):
            assert layer.padding == "same"


@ON_TENSORFLOW
@pytest.mark.parametrize(("pixels", "last"), [(96, 3), (128, 4), (160, 5), (224, 7)])
def test_lite0_halves_images_of_any_size_five_times(lite0, pixels, last):
    features = lite0.get_layer("features")
    shape = keras.KerasTensor((1, pixels, pixels, 3))
    outer = keras.Model(lite0.input, features.output)
    assert outer.compute_output_spec(shape).shape == (1, last, last, 1280)


@ON_TENSORFLOW
def test_small_network_is_small_and_sees_every_pixel_early():
    small = efficientnet("small", num_classes=10)
    assert small.count_params() == 1_142_931
    assert dropout_rates(small)[-1] == 0.2
    blocks = [x for x in small.layers if x.name.startswith("block")]
    sizes = [block.output.shape[1] for block in blocks]
    assert sizes == [32] + [16] * 2 + [8] * 6 + [4] * 4


@pytest.mark.parametrize(
    ("filters", "width", "scaled"),
    [(32, 1.0, 32), (16, 0.6, 16), (40, 1.1, 48), (24, 1.2, 32), (16, 0.1, 8)],
)
def test_filters_are_multiples_of_8_and_shrink_by_a_tenth_at_most(
    filters, width, scaled
):
    assert scale_filters(filters, width) == scaled


def test_drop_path_grows_linearly_with_depth():
    rates = [block["drop_path"] for block in scaled_blocks(1.0, 1.0, (1,) * 7, 0.2)]
    np.testing.assert_allclose(rates, 0.2 * np.arange(16) / 16)


def test_lite_networks_leave_the_depth_of_the_first_and_the_last_stage():
    depths = [
        [
            sum(block["name"].startswith(f"block{stage}") for block in blocks)
            for stage in range(1, 8)
        ]
        for fixed in (False, True)
        for blocks in [scaled_blocks(1.4, 1.8, (1,) * 7, fixed_ends=fixed)]
    ]
    assert depths == [[2, 4, 4, 6, 6, 8, 2], [1, 4, 4, 6, 6, 8, 1]]


def test_formula_gives_b1_to_b3_and_falls_short_of_the_others():
    for variant, power in zip(("b1", "b2", "b3"), (0.5, 1, 2)):
        width, depth, pixels, *_ = VARIANTS[variant]
        formula = [1.1**power, 1.2**power, 224 * 1.15**power]
        np.testing.assert_allclose([width, depth, pixels], formula, rtol=0.05)
    for power, variant in enumerate(("b4", "b5", "b6", "b7"), 3):
        assert VARIANTS[variant][2] > 1.1 * 224 * 1.15**power


@ON_TENSORFLOW
def test_copied_weights_answer_as_in_keras_applications(b0, monkeypatch):
    keras.utils.set_random_seed(0)
    source = pretrained(monkeypatch, classifier_activation=None)
    x = images(2, 64, 64, 3)
    copy_weights(b0, randomized(source))
    expected = np.array(source([255 * x]))
    assert expected.std() > 0.1
    np.testing.assert_allclose(b0(x), expected, atol=1e-4)


def test_source_without_a_top_leaves_the_head(tiny, other):
    head = other.layers[-1].get_weights()
    copy_weights(other, features_of(tiny))
    expected = tiny.get_weights()[:-2] + head
    for new, old in zip(other.get_weights(), expected):
        np.testing.assert_array_equal(new, old)


def test_normalization_begins_with_the_statistics_of_imagenet(tiny):
    mean, deviation = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    x = images(2, 4, 4, 3)
    expected = (x - np.array(mean)) / np.array(deviation)
    np.testing.assert_allclose(tiny.layers[1](x), expected, atol=1e-5)


def test_source_of_another_variant_is_refused(tiny):
    source = keras.Model(tiny.input, tiny.get_layer("block2a").output, name="part")
    message = (
        "`source` must be of the same variant as `model`, with as many classes or no "
        "top. Received: source='part', model='efficientnet_tiny'"
    )
    with pytest.raises(ValueError, match=message):
        copy_weights(tiny, source)


@pytest.mark.parametrize("variant", ["tiny", "lite_tiny"])
def test_saved_model_reloads_in_plain_keras(variant, tmp_path):
    model = efficientnet(variant, num_classes=10)
    x = images(2, 32, 32, 3)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(x), model(x), atol=1e-5)
    assert "cnnlab" not in model.to_json()


def test_without_a_head_images_of_any_size_give_the_last_feature_map(tiny, headless):
    headless.set_weights(tiny.get_weights()[:-2])
    assert headless.output_shape == (None, None, None, 128)
    assert headless(images(1, 33, 47, 3)).shape == (1, 5, 6, 128)
    x = images(2, 32, 32, 3)
    np.testing.assert_allclose(headless(x), features_of(tiny)(x), atol=1e-5)


@ON_TENSORFLOW
def test_mixed_precision_stays_near_and_gives_logits_in_float32(tiny, half_precision):
    half_precision.set_weights(tiny.get_weights())
    x = images(2, 32, 32, 3)
    logits, expected = np.array(half_precision(x)), np.array(tiny(x))
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected, atol=0.03 * np.abs(expected).max())


def test_unknown_variant_is_refused():
    message = (
        r"`variant` must be one of \['b0', .*'small', 'tiny', .*\]. Received: 'b8'"
    )
    with pytest.raises(ValueError, match=message):
        efficientnet("b8")


@pytest.mark.parametrize("shape", [(32, 32, 1), (32, 3)])
def test_images_must_have_three_channels(shape):
    message = f"`input_shape` must be height, width and 3 channels. Received: {shape}"
    with pytest.raises(ValueError, match=re.escape(message)):
        efficientnet("small", shape)


def dropout_rates(model):
    return [x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)]


def test_rates_are_the_variants_own_unless_given(tiny, other):
    assert dropout_rates(tiny)[-1] == 0.3
    rates = [block["drop_path"] for block in scaled_blocks(0.1, 0.1, (1,) * 7)]
    assert set(dropout_rates(tiny)[:-1]) < set(rates)
    assert dropout_rates(other) == [0.7]
