"""What README and lesson 05 state, and the family against `keras.applications`."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras.src.applications import efficientnet as applications

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import record
import transfer_kept_head as kept_head
import transfer_labels as script

from cnnlab.models.backbone import backbone
from cnnlab.models.efficientnet import (
    DEVIATION,
    MEAN,
    VARIANTS,
    copy_weights,
    efficientnet,
)

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


# What was recorded


def recorded_percent(record_name, way, per_class):
    """Validation accuracies of one way, in the order of the seeds."""
    runs = record.read(record_name)["runs"]
    chosen = [run for run in runs if run["labels_per_class"] == per_class]
    return 100 * np.array([run[way]["val_accuracy"] for run in chosen])


def percent(name, way, per_class):
    """Validation accuracies of a way whose head begins from nothing."""
    return recorded_percent(f"transfer_labels_{name}", way, per_class)


@pytest.mark.quick
@pytest.mark.parametrize("name", script.SETTINGS)
def test_every_seed_was_recorded_at_the_stated_budget(name):
    content = record.read(f"transfer_labels_{name}")
    budget = script.BUDGETS[name]
    assert content["budget"] == budget
    expected = [(s, n) for s in script.SEEDS for n in budget["labels_per_class"]]
    found = [(run["seed"], run["labels_per_class"]) for run in content["runs"]]
    assert found == expected


@pytest.mark.quick
def test_fine_tuning_bears_only_a_very_low_rate():
    runs = record.read("transfer_rates")["runs"]
    assert f"{100 * np.mean([run['frozen'] for run in runs]):.1f}" == "95.3"
    by_rate = [
        record.stated([100 * run["fine-tuned"] for run in runs if run["rate"] == rate])
        for rate in script.RATES
    ]
    assert by_rate == ["95.8 ± 1.8", "95.8 ± 1.8", "90.6 ± 4.7", "49.5 ± 1.8"]


@pytest.mark.quick
@pytest.mark.parametrize(
    ("name", "way", "expected"),
    [
        (
            "ants_and_bees",
            "frozen",
            ["83.2 ± 8.9", "87.6 ± 2.9", "91.7 ± 2.9", "91.5 ± 0.7", "91.7 ± 1.0"],
        ),
        (
            "ants_and_bees",
            "fine-tuned",
            ["82.4 ± 6.4", "87.4 ± 1.6", "90.4 ± 3.3", "91.7 ± 1.0", "92.2 ± 0.7"],
        ),
        (
            "ants_and_bees",
            "from scratch",
            ["61.4 ± 1.7", "65.8 ± 2.3", "64.3 ± 6.6", "61.2 ± 4.6", "59.5 ± 2.6"],
        ),
        ("scenes", "frozen", ["26.0 ± 3.4", "29.8 ± 1.3", "32.9 ± 1.6", "33.1 ± 1.2"]),
        (
            "scenes",
            "fine-tuned",
            ["35.5 ± 2.3", "44.7 ± 3.4", "51.3 ± 1.6", "59.1 ± 3.0"],
        ),
        (
            "scenes",
            "from scratch",
            ["14.7 ± 1.8", "18.0 ± 1.2", "22.3 ± 1.1", "27.2 ± 1.6"],
        ),
    ],
)
def test_each_way_reaches_what_is_stated(name, way, expected):
    sizes = script.BUDGETS[name]["labels_per_class"]
    assert [record.stated(percent(name, way, num)) for num in sizes] == expected


@pytest.mark.quick
@pytest.mark.parametrize("name", script.SETTINGS)
def test_five_labels_with_a_backbone_beat_fifty_without(name):
    best = "fine-tuned" if name == "scenes" else "frozen"
    assert percent(name, best, 5).mean() > percent(name, "from scratch", 50).mean()


@pytest.mark.quick
def test_fine_tuning_helps_where_the_data_is_far_and_not_where_it_is_near():
    for num in (5, 10, 20, 50):
        near, far = (
            percent(name, "fine-tuned", num) - percent(name, "frozen", num)
            for name in ("ants_and_bees", "scenes")
        )
        assert abs(near.mean()) < 5
        assert far.min() > 5


def test_a_recorded_run_comes_out_again():
    content = record.read("transfer_labels_ants_and_bees")
    assert script.load("ants_and_bees")[2].checksum == content["checksum"]
    again = script.run("ants_and_bees", 20, 0)
    for way in ("frozen", "fine-tuned", "from scratch"):
        values = percent("ants_and_bees", way, 20)
        tolerance = 3 * values.std(ddof=1) + 2  # three photographs of 153
        assert 100 * again[way]["val_accuracy"] == pytest.approx(
            values.mean(), abs=tolerance
        )


# The head that was thrown away


def kept_percent(way, per_class):
    """Validation accuracies with the old head, in the order of the seeds."""
    return recorded_percent("transfer_kept_head", way, per_class)


def right_in_folds(name, rates):
    """Training photographs that were right while held out, a number a rate."""
    runs = record.read(name)["runs"]
    assert [(run["fold"], run["rate"]) for run in runs] == [
        (fold, rate) for fold in range(kept_head.NUM_FOLDS) for rate in rates
    ]
    assert sum(run["images"] for run in runs) == 244 * len(rates)
    return {
        rate: round(sum(r["images"] * r["accuracy"] for r in runs if r["rate"] == rate))
        for rate in rates
    }


def best_rate(right):
    """The rule that was set beforehand: the best count, at a tie the smaller rate."""
    return max((rate for rate in right if rate), key=lambda rate: (right[rate], -rate))


@pytest.mark.quick
@pytest.mark.parametrize("leg", kept_head.RECORDS)
def test_every_run_with_the_kept_head_had_the_stated_budget(leg):
    content = record.read(kept_head.RECORDS[leg])
    assert content["budget"] == kept_head.BUDGETS[leg]
    others = record.read("transfer_labels_ants_and_bees")
    for key in ("checksum", "backbone"):
        assert content[key] == others[key]
    assert content["head"]["classes"] == ["ant", "bee"]


@pytest.mark.quick
def test_every_seed_of_the_kept_head_was_recorded():
    runs = record.read("transfer_kept_head")["runs"]
    sizes = kept_head.FRAME["labels_per_class"]
    expected = [(seed, num) for seed in kept_head.SEEDS for num in sizes]
    found = [(run["seed"], run["labels_per_class"]) for run in runs]
    assert found == [(0, 0), *expected]


@pytest.mark.quick
def test_the_rate_of_the_kept_head_was_chosen_on_training_photographs():
    right = right_in_folds("transfer_kept_rates", kept_head.RATES)
    assert list(right.values()) == [238, 239, 238, 237, 231]
    assert best_rate(right) == kept_head.BUDGETS["labels"]["rates"][kept_head.KEPT]


@pytest.mark.quick
def test_untrained_columns_of_imagenet_are_right_on_148_of_153():
    [found] = kept_percent(kept_head.KEPT, 0)
    assert round(found * 153 / 100) == 148
    assert f"{found:.1f}" == "96.7"
    assert f"{100 * np.sqrt(found / 100 * (1 - found / 100) / 153):.1f}" == "1.4"


@pytest.mark.quick
def test_a_frozen_backbone_tells_ants_from_bees_in_93_of_100_cases():
    frozen = kept_percent(kept_head.KEPT, None)
    assert len(frozen) == 3
    assert frozen.min() > 93
    for num in script.BUDGETS["ants_and_bees"]["labels_per_class"]:
        assert kept_percent(kept_head.KEPT, num).mean() > 93
        scratch = percent("ants_and_bees", "from scratch", num)
        assert frozen.mean() - scratch.mean() > 30


@pytest.mark.quick
@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("kept head", ["97.0 ± 0.4", "95.9 ± 1.0", "97.2 ± 0.4", "97.0 ± 0.4"]),
        (
            "kept head, fine-tuned",
            ["95.0 ± 1.4", "94.6 ± 2.7", "96.3 ± 1.4", "95.9 ± 1.0"],
        ),
    ],
)
def test_the_kept_head_reaches_what_is_stated(way, expected):
    sizes = (5, 10, 20, 50)
    assert [record.stated(kept_percent(way, num)) for num in sizes] == expected
    every = {"kept head": "97.2 ± 0.4", "kept head, fine-tuned": "95.4 ± 2.0"}
    assert record.stated(kept_percent(way, None)) == every[way]


@pytest.mark.quick
def test_fine_tuning_gains_with_a_new_head_and_loses_with_the_kept_one():
    new = percent("ants_and_bees", "fine-tuned", None)
    assert new.mean() >= percent("ants_and_bees", "frozen", None).mean()
    sizes = kept_head.FRAME["labels_per_class"]
    kept, tuned = (
        np.array([kept_percent(way, num) for num in sizes])
        for way in (kept_head.KEPT, kept_head.TUNED)
    )
    change = tuned - kept
    assert f"{change.mean():.1f}" == "-1.4"
    assert (np.sum(change < 0), np.sum(change > 0)) == (12, 1)
    lost = -change[-1]  # with all photographs no more than the spread
    assert 0 < lost.mean() < lost.std(ddof=1)
    assert tuned[-1].mean() > 93


@pytest.mark.quick
def test_training_photographs_do_not_warn_of_fine_tuning():
    name = kept_head.RECORDS["tuning_rates"]
    right = right_in_folds(name, kept_head.TUNING_RATES)
    assert list(right.values()) == [238, 239]
    assert best_rate(right) == kept_head.BUDGETS["labels"]["rates"][kept_head.TUNED]


def test_a_recorded_run_with_the_kept_head_comes_out_again():
    again = kept_head.run(0, 0)[kept_head.KEPT]["val_accuracy"]
    assert 100 * again == pytest.approx(kept_percent(kept_head.KEPT, 0)[0], abs=0.7)
    again = kept_head.run(20, 0)
    for way in (kept_head.KEPT, kept_head.TUNED):
        values = kept_percent(way, 20)
        tolerance = 3 * values.std(ddof=1) + 2  # three photographs of 153
        assert 100 * again[way]["val_accuracy"] == pytest.approx(
            values.mean(), abs=tolerance
        )
