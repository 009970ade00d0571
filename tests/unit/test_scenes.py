"""Scenes: the same everywhere, boxes and masks that fit, clear errors."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from cnnlab.data import scenes
from cnnlab.scenes import images, objects
from cnnlab.scenes.backgrounds import BACKGROUNDS
from cnnlab.scenes.painting import Dice

# Of render(200, seed=0). It changes with every change of the pictures, and then the
# records of data/records/ that were measured on Scenes must be written anew.
FINGERPRINT = "5299213affb981b3b96d752e0626f214d22d3386a4ba3c53cfcfa48272c55414"
PRINT_FINGERPRINT = """
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from cnnlab.scenes import images
print(sum(__cpu_features__[name] for name in __cpu_dispatch__))
print(images.fingerprint(images.render(200)))
"""


@pytest.fixture(scope="module")
def drawn():
    return images.render(200)


def test_the_fingerprint_of_a_fixed_seed_never_changes(drawn):
    assert images.fingerprint(drawn) == FINGERPRINT


def test_a_processor_without_vector_instructions_draws_the_same_bits():
    features = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
    if not features:
        pytest.skip("this processor has nothing to switch off")
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(features)}
    num_features, fingerprint = subprocess.run(
        [sys.executable, "-c", PRINT_FINGERPRINT],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert num_features == "0"
    assert fingerprint == FINGERPRINT


def test_shapes_types_and_ranges(drawn):
    images, labels, boxes, masks = drawn
    assert images.shape == (200, 32, 32, 3)
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 1
    assert labels.shape == (200,)
    assert labels.dtype == np.int64
    assert boxes.shape == (200, 4)
    assert masks.shape == (200, 32, 32)
    assert masks.dtype == bool


def test_every_ten_images_show_each_class_once_in_varying_order(drawn):
    rounds = drawn.labels.reshape(-1, 10)
    np.testing.assert_array_equal(np.sort(rounds, axis=1), [range(10)] * 20)
    assert len(np.unique(rounds, axis=0)) == 20


def test_an_image_depends_on_the_seed_and_its_number_alone(drawn):
    for all_of_it, beginning in zip(drawn, images.render(37), strict=True):
        np.testing.assert_array_equal(all_of_it[:37], beginning)


def test_how_many_are_drawn_together_is_of_no_matter(monkeypatch, drawn):
    monkeypatch.setattr(images, "GROUP_PIXELS", 3 * 32**2)
    for together, apart in zip(drawn, images.render(75), strict=True):
        np.testing.assert_array_equal(together[:75], apart)


def test_another_seed_draws_another_world(drawn):
    for seed in (1, (0, 1)):
        other = images.render(200, seed=seed)
        same = (other.images == drawn.images).all(axis=(1, 2, 3))
        assert not same.any()


def test_a_scene_is_the_same_at_any_size():
    small, large = images.render(20), images.render(20, size=64)
    pooled = large.images.reshape(20, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(pooled - small.images).mean() < 0.02
    assert np.abs(large.boxes / 2 - small.boxes).max() <= 2
    np.testing.assert_array_equal(large.labels, small.labels)


def test_boxes_are_the_extent_of_the_masks(drawn):
    for (x_min, y_min, x_max, y_max), mask in zip(
        drawn.boxes, drawn.masks, strict=True
    ):
        rows, columns = np.nonzero(mask)
        assert (x_min, x_max) == (columns.min(), columns.max() + 1)
        assert (y_min, y_max) == (rows.min(), rows.max() + 1)


def test_masks_show_what_changes_with_the_colours_of_the_object(monkeypatch, drawn):
    dark = {name: 0 * colour for name, colour in objects.PAINTS.items()}
    monkeypatch.setattr(objects, "PAINTS", dark)
    monkeypatch.setattr(objects, "PALETTE", 0 * objects.PALETTE)
    monkeypatch.setattr(objects, "TYPICAL", 0)
    pictures = images.render(200).images
    assert pictures[drawn.masks].max() < 0.65  # at most a half is seen through
    well_inside = drawn.masks[:, 1:-1, 1:-1].copy()
    for rows, columns in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        well_inside &= np.roll(drawn.masks, (rows, columns), (1, 2))[:, 1:-1, 1:-1]
    assert np.quantile(pictures[:, 1:-1, 1:-1][well_inside], 0.9) < 0.05


def test_an_object_is_seen_in_every_image():
    seen = images.render(2000, seed=3).masks.mean(axis=(1, 2))
    assert seen.min() > 0.005


def test_turning_keeps_lengths_and_turns_by_the_angle():
    x, y = objects.turn(1.0, 0.0, np.tan(np.pi / 12))
    np.testing.assert_allclose([x, y], [np.cos(np.pi / 6), -np.sin(np.pi / 6)])


def test_a_pose_carries_the_centre_and_the_corner_home():
    fields = [0.3, -0.2, 0.0, -1.0, 0.5, 0.4]
    pose = objects.Pose(*(np.array([[value]]) for value in fields))
    x, y = pose.localize(np.array([[0.3, 0.8]]), np.array([[-0.2, 0.2]]))
    np.testing.assert_allclose(x, [[0, -1]])
    np.testing.assert_allclose(y, [[0, 1]], atol=1e-12)


def test_places_go_with_the_class_to_the_degree_said():
    numbers = np.random.default_rng(0).random((5000, 3), dtype="float32")
    label = images.CLASSES.index("fish")
    chosen = images.choose_backgrounds(label, Dice(numbers))
    usual = [BACKGROUNDS.index("deep"), BACKGROUNDS.index("sea")]
    expected = images.BACKGROUND_OF_CLASS + (1 - images.BACKGROUND_OF_CLASS) * 2 / len(
        BACKGROUNDS
    )
    assert np.isin(chosen, usual).mean() == pytest.approx(expected, abs=0.03)
    assert set(chosen) == set(range(len(BACKGROUNDS)))


def test_load_draws_two_streams_and_says_what_they_are(capsys):
    train, test, info = scenes.load(num_train=60, num_test=40)
    assert train[0].shape == (60, 32, 32, 3)
    assert test[0].shape == (40, 32, 32, 3)
    assert train[1].shape == (60,)
    assert not (train[0][:40] == test[0]).all(axis=(1, 2, 3)).any()
    assert info.name == "Scenes"
    assert info.source == "embedded"
    assert info.classes == images.CLASSES
    assert info.checksum.startswith("sha256:")
    assert "Scenes" in capsys.readouterr().out
    again = scenes.load("embedded", num_train=60, num_test=40)
    np.testing.assert_array_equal(again[0][0], train[0])
    assert again[2] == info
    assert scenes.load("embedded", 60, 40, seed=1)[2].checksum != info.checksum


def test_load_takes_the_first_so_many():
    few, many = (scenes.load("embedded", n, 10)[0][0] for n in (20, 50))
    np.testing.assert_array_equal(few, many[:20])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: images.render(0), "`num_images` must be at least 1. Received: 0"),
        (lambda: images.render(1, size=7), "at least 8 pixels. Received: 7"),
        (
            lambda: scenes.load(num_train=0),
            "`num_train` must be at least 1. Received: 0",
        ),
        (lambda: scenes.load(num_test=0), "`num_test` must be at least 1. Received: 0"),
        (
            lambda: scenes.load("local"),
            'one of "auto", "embedded". Received: \'local\'',
        ),
    ],
)
def test_errors_state_the_rule_and_what_came(call, message):
    with pytest.raises(ValueError, match=message):
        call()
