"""Augmentation against what NumPy's own padding, mirroring and counting say."""

import numpy as np
import pytest

from cnnlab.augment import alternating_flip, erase, flip, shift


def pictures(*shape, dtype="float32", seed=0):
    """Images without a pixel of 0."""
    images = np.random.default_rng(seed).integers(1, 256, shape)
    return (images / 255 if dtype == "float32" else images).astype(dtype)


class Drawn:
    """A generator whose next integers are known."""

    def __init__(self, *integers):
        self.integers_to_come = [np.array(numbers) for numbers in integers]

    def integers(self, low, high, size):
        numbers = self.integers_to_come.pop(0).reshape(size)
        assert (numbers >= low).all()
        assert (numbers < high).all()
        return numbers


def test_a_known_shift_moves_the_image_and_mirrors_its_edge():
    image = np.arange(12).reshape(1, 3, 4, 1)
    (moved,) = shift(image, 1, Drawn([[-1, 1]]))[..., 0]  # a row down, a column left
    assert moved.tolist() == [[5, 6, 7, 6], [1, 2, 3, 2], [5, 6, 7, 6]]


def test_each_image_is_one_of_the_windows_and_all_occur():
    image = pictures(1, 5, 6, 3)
    moved = shift(np.repeat(image, 500, 0), 1, np.random.default_rng(0))
    padded = np.pad(image[0], [(1, 1), (1, 1), (0, 0)], "reflect")
    windows = {
        padded[row : row + 5, column : column + 6].tobytes()
        for row in range(3)
        for column in range(3)
    }
    assert len(windows) == 9
    assert {picture.tobytes() for picture in moved} == windows


def test_a_shift_by_no_pixel_is_the_identity():
    images = pictures(4, 5, 5, 3)
    np.testing.assert_array_equal(shift(images, 0, np.random.default_rng(0)), images)


def test_only_the_chosen_images_are_mirrored():
    images = pictures(3, 4, 5, 2)
    flipped = flip(images, np.array([True, False, True]))
    np.testing.assert_array_equal(flipped[::2], images[::2, :, ::-1])
    np.testing.assert_array_equal(flipped[1], images[1])


def test_two_neighbouring_epochs_show_every_image_both_ways():
    for epoch in range(4):
        one, next_one = (
            alternating_flip(999, epoch, 1),
            alternating_flip(999, epoch + 1, 1),
        )
        assert (one != next_one).all()
        assert 0.45 < one.mean() < 0.55


def test_first_choice_depends_on_the_seed_only():
    first, again, other = (alternating_flip(99, 0, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_a_known_square_is_black_and_all_else_untouched():
    images = pictures(2, 6, 6, 3)
    erased = erase(images, 3, Drawn([2, 0], [4, 5]))  # the second hangs over a corner
    expected = images.copy()
    expected[0, 1:4, 3:6] = 0
    expected[1, :2, 4:] = 0
    np.testing.assert_array_equal(erased, expected)


def test_share_of_the_erased_area_is_that_of_squares_cut_at_the_edge():
    images = np.ones((2000, 8, 8, 1), "float32")
    erased = erase(images, 4, np.random.default_rng(0)) == 0
    on_a_line = [min(centre + 2, 8) - max(centre - 2, 0) for centre in range(8)]
    expected = (np.mean(on_a_line) / 8) ** 2
    assert erased.mean() == pytest.approx(expected, rel=0.03)
    assert erased.sum((1, 2, 3)).max() == 16


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_how_images_lie_in_memory_does_not_matter(channels):
    """OpenCV writes into an array only if that lies in memory as it likes."""
    images = pictures(6, 7, 9, channels)
    scattered = np.asfortranarray(images)
    moved, same = (shift(x, 3, np.random.default_rng(0)) for x in (images, scattered))
    np.testing.assert_array_equal(moved, same)
    flipped = flip(scattered, np.ones(6, bool))
    np.testing.assert_array_equal(flipped, images[:, :, ::-1])


@pytest.mark.parametrize("dtype", ["uint8", "float32", "int64"])
def test_type_is_kept_and_the_given_images_are_not_touched(dtype):
    images = pictures(6, 5, 7, 3, dtype=dtype)
    before, random = images.copy(), np.random.default_rng(0)
    for seen in (
        shift(images, 2, random),
        flip(images, np.ones(6, bool)),
        erase(images, 3, random),
    ):
        assert (seen.dtype, seen.shape) == (images.dtype, images.shape)
        assert (seen != images).any()
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("pixels", [-1, 2])
def test_shift_refuses_what_cannot_be_mirrored(pixels):
    message = f"less than half the height .* Received: pixels={pixels}, images of 4x5"
    with pytest.raises(ValueError, match=message):
        shift(pictures(2, 4, 5, 3), pixels, np.random.default_rng(0))


def test_erase_refuses_a_negative_size():
    with pytest.raises(ValueError, match="`pixels` must be at least 0. Received: -2"):
        erase(pictures(2, 4, 4, 3), -2, np.random.default_rng(0))


@pytest.mark.parametrize("change", [shift, erase])
def test_a_single_image_is_refused(change):
    with pytest.raises(ValueError, match=r"Received: an array of shape \(4, 4, 3\)"):
        change(pictures(4, 4, 3), 1, np.random.default_rng(0))


@pytest.mark.parametrize("chosen", [[0, 1, 1], [True, False]])
def test_flip_wants_one_boolean_an_image(chosen):
    message = r"one boolean for each image. Received: \w+ of shape \(\d,\), 3 images"
    with pytest.raises(ValueError, match=message):
        flip(pictures(3, 4, 4, 3), np.array(chosen))
