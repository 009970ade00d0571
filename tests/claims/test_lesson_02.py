"""What README and lesson 02 state, on real CIFAR-10."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import modern_cnn_ablation as script
import record


def accuracies(data_name):
    """Test accuracies by arm, in the order of the seeds."""
    runs = record.read(f"modern_cnn_ablation_{data_name}")["runs"]
    return {
        arm: np.array([run["test_accuracy"] for run in runs if run["arm"] == arm])
        for arm in script.ARMS
    }


def change(arm, data_name="cifar10"):
    """Points gained when an ingredient is taken away, seed by seed."""
    by_arm = accuracies(data_name)
    return 100 * (by_arm[arm] - by_arm["modern CNN"])


@pytest.mark.quick
@pytest.mark.parametrize("data_name", ["cifar10", "scenes"])
def test_every_arm_was_recorded_with_every_seed_at_the_stated_budget(data_name):
    content = record.read(f"modern_cnn_ablation_{data_name}")
    runs = [(run["arm"], run["seed"]) for run in content["runs"]]
    expected = [(arm, seed) for seed in script.SEEDS for arm in script.ARMS]
    assert sorted(runs) == sorted(expected)
    assert content["budget"] == script.BUDGETS[data_name]


@pytest.mark.quick
def test_the_two_networks_reach_what_is_stated():
    by_arm = accuracies("cifar10")
    assert 100 * by_arm["modern CNN"].mean() == pytest.approx(59.6, abs=0.05)
    assert 100 * by_arm["modern CNN"].std(ddof=1) == pytest.approx(2.1, abs=0.05)
    assert 100 * by_arm["simple CNN"].mean() == pytest.approx(56.1, abs=0.05)
    assert 100 * by_arm["simple CNN"].std(ddof=1) == pytest.approx(0.4, abs=0.05)


@pytest.mark.quick
def test_batch_normalisation_and_flattening_change_the_accuracy_as_stated():
    without, flat = (
        change("no batch normalisation"),
        change("flatten for global pooling"),
    )
    assert without.mean() == pytest.approx(-12.0, abs=0.05)
    assert flat.mean() == pytest.approx(6.7, abs=0.05)
    assert without.max() < -10
    assert flat.min() > 5


@pytest.mark.quick
@pytest.mark.parametrize("arm", ["ReLU for swish", "no dropout, no L2", "no callbacks"])
def test_the_other_ingredients_cannot_be_told_from_luck(arm):
    points = change(arm)
    assert abs(points.mean()) < 2 * points.std(ddof=1)


@pytest.mark.quick
def test_clear_differences_have_the_same_sign_on_scenes():
    for arm in ("no batch normalisation", "flatten for global pooling", "simple CNN"):
        assert np.sign(change(arm, "scenes")).tolist() == np.sign(change(arm)).tolist()


@pytest.mark.quick
@pytest.mark.parametrize(("size", "points"), [(100, 4.2), (250, 2.2), (1_000, 0.9)])
def test_an_epoch_chosen_on_test_images_flatters_as_stated(size, points):
    rows = record.read("test_set_choice")["flattery"]
    flattery = [row["by_test"] for row in rows if row["size"] == size]
    assert 100 * np.mean(flattery) == pytest.approx(points, abs=0.06)


@pytest.mark.parametrize("arm", ["simple CNN", "no batch normalisation"])
def test_a_recorded_arm_comes_out_again(arm):
    content = record.read("modern_cnn_ablation_cifar10")
    *sets, current = script.load("cifar10", content["budget"])
    assert current.checksum == content["checksum"]
    again = script.run(arm, 0, sets, content["budget"])["test_accuracy"]
    values = accuracies("cifar10")[arm]
    tolerance = 3 * values.std(ddof=1) + 0.005
    assert again == pytest.approx(values.mean(), abs=tolerance)
