"""Recorded runs of lesson 05 come out again; the family is that of Keras."""

import keras
import numpy as np
import pytest
from computed import percent
from keras.src.applications import efficientnet as applications

from cnnlab import records
from cnnlab.models.backbone import backbone
from cnnlab.models.efficientnet import (
    DEVIATION,
    MEAN,
    VARIANTS,
    copy_weights,
    efficientnet,
)
from experiments.lesson_05 import transfer_kept_head, transfer_labels

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


def test_weights_of_imagenet_answer_as_in_keras_applications(tmp_path, monkeypatch):
    keras.utils.set_random_seed(0)
    shape, rng = (64, 64, 3), np.random.default_rng(0)
    options = {"include_top": False, "input_shape": shape}
    source = published("b0", **options)
    weights = [
        rng.uniform(0.5, 1.5, x.shape) if x.ndim == 1 else x
        for x in source.get_weights()
    ]
    source.set_weights([np.array(MEAN), np.array(DEVIATION), *weights[2:]])
    path = tmp_path / "b0.weights.h5"  # with deviations for variances, as published
    source.save_weights(path)
    monkeypatch.setattr(applications.file_utils, "get_file", lambda *_, **__: path)
    theirs = applications.EfficientNetB0(weights="imagenet", **options)
    theirs.layers[2].finalize_state()
    images = rng.random((2, *shape), "float32")
    expected = np.array(theirs(255 * images))
    ours = backbone("EfficientNet-B0", path, shape)(images)
    np.testing.assert_allclose(ours, expected, atol=3e-4 * expected.std())


@pytest.mark.data
def test_a_recorded_run_comes_out_again():
    name = "transfer_labels_ants_and_bees"
    info = transfer_labels.load("ants_and_bees")[2]
    assert info.checksum == records.read(name).checksum[0]
    for row in transfer_labels.run("ants_and_bees", 20, 0):
        values = percent(name, "val_accuracy", arm=row["arm"], labels_per_class=20)
        tolerance = 3 * values.std(ddof=1) + 2  # three photographs of 153
        again = 100 * row["val_accuracy"]
        assert again == pytest.approx(values.mean(), abs=tolerance)


@pytest.mark.data
@pytest.mark.parametrize("labels_per_class", [0, 20])
def test_a_recorded_run_with_the_kept_head_comes_out_again(labels_per_class):
    for row in transfer_kept_head.run(labels_per_class, 0):
        where = {"arm": row["arm"], "labels_per_class": labels_per_class}
        values = percent("transfer_kept_head", "val_accuracy", **where)
        spread = values.std(ddof=1) if len(values) > 1 else 0
        again = 100 * row["val_accuracy"]
        assert again == pytest.approx(values.mean(), abs=3 * spread + 2)
