"""What README and lesson 13 state, on clips and on real organs."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import clips as motion  # benchmarks/clips.py
import record
import volumes

from cnnlab.data import clips
from cnnlab.evaluate.classification import accuracy, predict
from cnnlab.models.video import frame_average
from cnnlab.train.fit import train

CHANCE = 0.1
ROOT = Path(__file__).parents[2]


def percent(arm, key="test_accuracy"):
    """What one arm reached with every seed, in per cent."""
    runs = [run for run in record.read(motion.NAME)["runs"] if run["arm"] == arm]
    return 100 * np.array([run[key] for run in runs])


def paired(counts):
    """Shares of the eight steady motions answered within their pair, and rightly."""
    steady = counts[:8]
    within = sum(steady[c][[c, clips.REVERSED[c]]].sum() for c in range(8))
    return within / steady.sum(), steady.diagonal().sum() / within


@pytest.mark.quick
def test_every_arm_was_recorded_with_every_seed_at_the_stated_budget():
    content = record.read(motion.NAME)
    runs = [(run["arm"], run["seed"]) for run in content["runs"]]
    assert sorted(runs) == sorted((a, s) for a in motion.ARMS for s in motion.SEEDS)
    assert content["budget"] == motion.BUDGET
    assert content["checksum"] == motion.load()[-1].checksum


@pytest.mark.quick
def test_clips_are_drawn_as_fast_as_stated():
    assert record.read("clips_speed")["clips_per_second"] >= 200


@pytest.mark.parametrize("frame", [0, 5])
def test_a_network_that_sees_one_frame_stays_at_chance(frame):
    """Even one that always gets the same frame of the clip, and many of them."""
    (images, labels), (images_test, labels_test), _ = clips.load(
        "embedded", num_train=4_000, num_test=2_000
    )
    keras.utils.set_random_seed(0)
    model = frame_average((1, 32, 32, 3), filters=(8, 16, 32), hidden=64)
    only = (images[:, frame : frame + 1], labels)
    seen = (images_test[:, frame : frame + 1], labels_test)
    history = train(model, only, seen, epochs=4, batch_size=32, name="one frame")
    reached = accuracy(predict(model, seen[0]), labels_test)
    noise = (CHANCE * (1 - CHANCE) / len(labels_test)) ** 0.5
    assert abs(reached - CHANCE) < 4 * noise
    assert history["loss"][-1] < history["loss"][0]  # it did train


@pytest.mark.quick
def test_only_order_in_time_tells_the_motions_apart():
    assert percent("frames averaged").max() < 100 * CHANCE + 6
    assert percent("3D").min() > percent("3D, frames shuffled").max() + 20


@pytest.mark.quick
def test_backwards_the_networks_answer_with_the_reversed_motion():
    forwards, backwards = percent("3D"), percent("3D", "backwards_reversed")
    np.testing.assert_allclose(backwards, forwards, atol=8)
    assert percent("3D", "backwards_accuracy").max() < 50


def test_one_recorded_arm_comes_out_again():
    again = 100 * motion.run("3D", 0)["test_accuracy"]
    spread = percent("3D").std(ddof=1)
    assert again == pytest.approx(percent("3D")[0], abs=max(3 * spread, 6))


@pytest.mark.quick
def test_the_numbers_of_readme_and_lesson_are_those_of_the_record():
    lesson = (ROOT / "notebooks" / "13_3d_cnns.ipynb").read_text()
    readme = (ROOT / "README.md").read_text()
    for arm, expected in {
        "3D": "86.5 ± 1.8 %",
        "(2+1)D": "93.2 ± 3.7 %",
        "frames averaged": "10.1 ± 0.7 %",
        "3D, frames shuffled": "42.1 ± 5.6 %",
    }.items():
        assert f"{record.stated(percent(arm))} %" == expected
        assert expected in lesson
        assert expected in readme


@pytest.mark.quick
def test_the_factorised_network_is_ahead_with_every_seed():
    gained = percent("(2+1)D") - percent("3D")
    assert gained.min() > 0
    assert f"{record.stated(gained)} %" == "6.7 ± 2.6 %"
    seconds = percent("(2+1)D", "core_seconds") / percent("3D", "core_seconds")
    assert 1.7 < seconds.mean() < 2


@pytest.mark.quick
def test_without_order_pairs_are_told_apart_and_directions_guessed():
    runs = record.read(motion.NAME)["runs"]
    counts = sum(np.array(r["confusion"]) for r in runs if r["arm"] == motion.ARMS[3])
    within, right = paired(counts)
    assert within == pytest.approx(0.71, abs=0.005)
    assert right == pytest.approx(0.49, abs=0.005)


@pytest.mark.quick
def test_growing_and_shrinking_are_what_the_3d_network_mistakes():
    runs = record.read(motion.NAME)["runs"]
    counts = sum(np.array(r["confusion"]) for r in runs if r["arm"] == "3D")
    assert counts[:4].diagonal().sum() / counts[:4].sum() > 0.99
    grows, shrinks = (clips.CLASSES.index(name) for name in ("grows", "shrinks"))
    share = (counts[grows, shrinks] + counts[shrinks, grows]) / 600
    assert share == pytest.approx(0.43, abs=0.005)


def of_volumes(name, arm, key):
    """Test results of one arm with every seed."""
    content = record.read(f"volumes_{name}")
    assert content["budget"] == volumes.BUDGETS[name]
    runs = [run for run in content["runs"] if run["arm"] == arm]
    assert [run["seed"] for run in runs] == list(volumes.SEEDS[name])
    return np.array([run["test"][key] for run in runs])


@pytest.mark.quick
def test_glands_are_told_apart_in_depth_better_than_slice_by_slice():
    lesson = (ROOT / "notebooks" / "13_3d_cnns.ipynb").read_text()
    readme = (ROOT / "README.md").read_text()
    areas = {}
    for arm, expected in {"3D": "0.902 ± 0.003", "slices": "0.834 ± 0.001"}.items():
        areas[arm] = of_volumes("adrenalmnist3d", arm, "averaged_auc")
        assert f"{areas[arm].mean():.3f} ± {areas[arm].std(ddof=1):.3f}" == expected
        assert expected in lesson
        assert expected in readme
    assert areas["3D"].mean() >= 0.9
    assert areas["3D"].min() > areas["slices"].max()


@pytest.mark.quick
def test_furniture_of_the_test_set_is_harder_than_that_of_validation():
    tests = of_volumes("modelnet10", "mirrored", "averaged_accuracy")
    assert [f"{100 * value:.1f}" for value in tests] == ["89.3", "89.0"]
    runs = record.read("volumes_modelnet10")["runs"]
    vals = [f"{100 * run['val']['averaged_accuracy']:.1f}" for run in runs]
    assert vals == ["92.5", "92.8"]


@pytest.mark.quick
@pytest.mark.parametrize("name", volumes.BUDGETS)
def test_volumes_are_learned_within_a_quarter_of_an_hour_on_two_cores(name):
    runs = record.read(f"volumes_{name}")["runs"]
    assert max(run["core_seconds"] for run in runs) < 30 * 60


def test_one_recorded_gland_network_comes_out_again():
    again = volumes.run("adrenalmnist3d", "3D", 0)["test"]["averaged_auc"]
    recorded = of_volumes("adrenalmnist3d", "3D", "averaged_auc")
    assert again == pytest.approx(recorded[0], abs=max(3 * recorded.std(ddof=1), 0.02))
