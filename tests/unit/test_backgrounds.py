"""Backgrounds: numbers in order, noise that is smooth, colours that are sane."""

import numpy as np
import pytest

from cnnlab.scenes import backgrounds, painting


def dice(num_images=4, num_columns=300, seed=0):
    rng = np.random.default_rng(seed)
    return painting.Dice(rng.random((num_images, num_columns), dtype="float32"))


def test_colours_are_read_as_red_green_blue():
    np.testing.assert_allclose(painting.colours("ff0033 000000")[0], [1, 0, 0.2])


def test_dice_hand_out_each_column_once():
    numbers = np.random.default_rng(0).random((4, 3), dtype="float32")
    thrown = painting.Dice(numbers)
    columns = [thrown.between(0, 1), *thrown.take(2)]
    np.testing.assert_array_equal(np.hstack(columns), numbers)


def test_dice_that_are_used_up_say_so():
    with pytest.raises(ValueError, match="than it was given. Received: 5 of 4"):
        dice(num_columns=4).take(5)


def test_dice_stay_in_range_and_pick_every_choice():
    thrown = dice(1000)
    assert -2 <= thrown.between(-2, 3).min() < thrown.between(-2, 3).max() < 3
    assert set(thrown.index(7)) == set(range(7))
    assert thrown.happens(0.3).mean() == pytest.approx(0.3, abs=0.05)
    picked = thrown.pick(np.eye(3, dtype="float32"))
    assert picked.shape == (3, 1000, 1)
    np.testing.assert_array_equal(picked.sum(axis=0), 1)


def test_wave_is_a_triangle_of_period_one():
    t = np.array([0, 0.25, 0.5, 0.75, 1.0, -0.5])
    np.testing.assert_allclose(painting.wave(t), [1, 0, -1, 0, 1, -1])


def test_cover_has_an_edge_one_pixel_wide():
    distance = np.array([-0.06, -0.05, 0, 0.025, 0.05, 0.06])
    np.testing.assert_allclose(
        painting.cover(distance, 10), [1, 1, 0.5, 0.25, 0, 0], atol=1e-12
    )


def test_grain_is_smooth_and_passes_through_no_more_than_its_lattice():
    fine = painting.grain(dice(), 3, 5, 64).reshape(4, 64, 64)
    assert fine.dtype == np.float32
    assert fine.min() >= 0
    assert fine.max() < 1
    assert np.abs(np.diff(fine, axis=1)).max() < 1.5 * 2 / 64 + 1e-6
    assert np.abs(np.diff(fine, axis=2)).max() < 1.5 * 4 / 64 + 1e-6
    coarse = painting.grain(dice(), 3, 5, 32).reshape(4, 32, 32)
    pooled = fine.reshape(4, 32, 2, 32, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(pooled, coarse, atol=0.01)


def test_grain_runs_from_the_first_number_to_the_last():
    numbers = np.random.default_rng(0).random((4, 3), dtype="float32")
    row = painting.grain(painting.Dice(numbers), 1, 3, 64).reshape(4, 64, 64)
    np.testing.assert_array_equal(row[:, 0], row[:, -1])
    np.testing.assert_allclose(row[:, 0, [0, -1]], numbers[:, [0, 2]], atol=1e-3)


@pytest.mark.parametrize(
    "kind", range(len(backgrounds.BACKGROUNDS)), ids=backgrounds.BACKGROUNDS
)
def test_backgrounds_are_colours_and_differ(kind):
    size = 16
    axis = (np.arange(size, dtype="float32") + 0.5) * (2 / size) - 1
    x, y = np.tile(axis, size)[None], np.repeat(-axis, size)[None]
    picture = backgrounds.draw_background(x, y, np.full(4, kind), dice(), size)
    assert picture.shape == (3, 4, size * size)
    assert picture.dtype == np.float32
    assert picture.min() > -0.15  # `render` clips the rest
    assert picture.max() < 1.3
    assert np.abs(picture[:, 0] - picture[:, 1]).max() > 0.05


def test_a_thing_is_drawn_where_it_covers_and_only_where_it_happens():
    x, y = np.zeros((1, 4), "float32"), np.array([[0, 0.02, 0.5, 0.9]], "float32")
    for probability in (0, 1):
        picture = np.full((3, 4, 4), -1, "float32")
        amount = backgrounds.draw_thing(picture, x, y, dice(), 32, probability)
        np.testing.assert_array_equal(amount, [[probability, probability, 0, 0]] * 4)
        np.testing.assert_array_equal(picture.max(axis=0) > -1, amount > 0)
