"""Clips: every frame looks alike in all classes, and only the motion differs."""

import numpy as np
import pytest

from cnnlab.data import clips
from cnnlab.scenes import clips as drawn_clips
from cnnlab.scenes import images
from cnnlab.scenes.painting import Dice

# Of render(40, seed=0); it changes with every change of the pictures, and then the
# records of data/records/ that were measured on clips must be written anew.
FINGERPRINT = "2861f296d9dd44e86d92dd234d407b98b7944d8328184ef9cc9cbff34291b6b6"
NUMBERS = np.random.default_rng(0).random((4_000, drawn_clips.NUM_MOVE), "float32")


@pytest.fixture(scope="module")
def drawn():
    return drawn_clips.render(40)


def states(name, num_frames=8):
    labels = np.full(len(NUMBERS), clips.CLASSES.index(name))
    return drawn_clips.paths(labels, NUMBERS, num_frames)


def test_the_fingerprint_of_a_fixed_seed_never_changes(drawn):
    assert images.fingerprint(drawn) == FINGERPRINT


def test_shapes_types_and_ranges(drawn):
    pictures, labels = drawn
    assert pictures.shape == (40, 8, 32, 32, 3)
    assert (pictures.dtype, labels.dtype) == (np.float32, np.int64)
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    rounds = labels.reshape(-1, 10)
    np.testing.assert_array_equal(np.sort(rounds, axis=1), [range(10)] * 4)
    assert len(np.unique(rounds, axis=0)) == 4


def test_a_clip_depends_on_the_seed_and_its_number_alone(drawn):
    few, labels = drawn_clips.render(13)
    np.testing.assert_array_equal(few, drawn[0][:13])
    np.testing.assert_array_equal(labels, drawn[1][:13])
    same = (drawn_clips.render(13, seed=1)[0] == few).all(axis=(1, 2, 3, 4))
    assert not same.any()


def test_how_many_are_drawn_together_is_of_no_matter(monkeypatch, drawn):
    monkeypatch.setattr(images, "GROUP_PIXELS", 1)
    np.testing.assert_array_equal(drawn_clips.render(20)[0], drawn[0][:20])


def test_more_frames_continue_a_clip(drawn):
    longer = drawn_clips.render(10, num_frames=11)[0]
    np.testing.assert_array_equal(longer[:, :8], drawn[0][:10])


@pytest.mark.parametrize("name", clips.CLASSES)
def test_place_size_and_angle_are_uniform_in_every_frame_of_every_class(name):
    for circle in states(name):
        for frame in circle.T:
            counts = np.histogram(frame, 10, (0, 1))[0]
            expected = len(NUMBERS) / 10
            chi_squared = ((counts - expected) ** 2 / expected).sum()
            assert chi_squared < 33.7  # with 9 degrees, one in 10,000 lies beyond


@pytest.mark.parametrize("name", clips.CLASSES)
def test_only_the_circle_of_the_class_is_moved_along(name):
    moved = np.abs(np.diff(states(name), axis=2)).max(axis=(1, 2)) > 0
    expected = np.arange(4) == drawn_clips.AXES[clips.CLASSES.index(name)]
    np.testing.assert_array_equal(moved, expected)


def steps(name):
    """Way of each frame to the next, the shorter way around: (clips, frames - 1)."""
    axis = drawn_clips.AXES[clips.CLASSES.index(name)]
    return drawn_clips.around(2 * np.diff(states(name)[axis], axis=1)) / 2


@pytest.mark.parametrize("name", clips.CLASSES[:8])
def test_a_steady_motion_has_one_sign_and_one_speed(name):
    number = clips.CLASSES.index(name)
    way = steps(name) * (1 if number % 2 == 0 else -1)
    slow, fast = drawn_clips.SPEEDS[drawn_clips.AXES[number]]
    assert way.min() > slow - 1e-5
    assert way.max() < fast + 1e-5
    np.testing.assert_allclose(way, way[:, :1].repeat(7, axis=1), atol=1e-5)


@pytest.mark.parametrize("name", ["bounces", "swings"])
def test_to_and_fro_goes_both_ways_in_every_clip(name):
    way = steps(name)
    assert (way.max(axis=1) > 0.01).all()
    assert (way.min(axis=1) < -0.01).all()


def test_a_clip_that_runs_backwards_shows_the_reversed_class():
    for name, other in zip(clips.CLASSES, clips.REVERSED, strict=True):
        backwards = -steps(name)[:, ::-1]
        expected = steps(clips.CLASSES[other])
        assert backwards.mean() == pytest.approx(expected.mean(), abs=2e-3)
        assert backwards.std() == pytest.approx(expected.std(), abs=2e-3)


def test_the_kind_of_object_says_nothing_about_the_motion():
    numbers = np.random.Generator(np.random.PCG64(0)).random((200, 10, 180), "float32")
    labels, kinds = (numbers[:, :, column].argsort(1).ravel() for column in (0, 1))
    table = np.zeros((10, 10))
    np.add.at(table, (labels, kinds), 1)
    assert ((table - 20) ** 2 / 20).sum() < 136  # with 81 degrees, one in 10,000


def test_an_object_that_leaves_at_the_right_comes_in_at_the_left():
    fields = [0.9, 0.0, 0.0, 1.0, 0.5, 0.5]
    pose = drawn_clips.Pose(*(np.full((1, 1), value, "float32") for value in fields))
    x, _ = pose.localize(np.float32([[0.9, -0.9, 0.4]]), np.float32([[0, 0, 0]]))
    np.testing.assert_allclose(x, [[0, 0.4, -1]], atol=1e-6)


def test_turning_is_by_the_angle_at_every_angle():
    turns = np.linspace(-1, 2, 301, dtype="float32")
    x, y = drawn_clips.rotate(np.float32(1), np.float32(0), turns)
    np.testing.assert_allclose(x, np.cos(2 * np.pi * turns), atol=2e-5)
    np.testing.assert_allclose(y, -np.sin(2 * np.pi * turns), atol=2e-5)


def test_the_last_of_the_circle_of_sizes_is_twice_the_first(monkeypatch):
    monkeypatch.setattr(drawn_clips, "SIZES", (0.3, 0.6))
    states = np.full((4, 1, 2), 0.5, "float32")
    states[2, 0] = (0, 1)
    pose = drawn_clips.draw_poses(states, Dice(np.zeros((2, 2), "float32")))
    np.testing.assert_allclose(pose.width[:, 0], (0.3, 0.6), rtol=1e-6)


def test_turning_left_is_anticlockwise_in_the_picture():
    nose = np.float32(0), np.float32(1)  # straight up in the picture
    x, y = drawn_clips.rotate(
        *nose, np.float32(0.25)
    )  # on an object turned by a quarter
    np.testing.assert_allclose((x, y), (1, 0), atol=1e-6)  # its right has come up


def test_load_draws_two_streams_and_says_what_they_are(capsys):
    train, test, info = clips.load(num_train=20, num_test=10, num_frames=4, size=16)
    assert train[0].shape == (20, 4, 16, 16, 3)
    assert test[0].shape == (10, 4, 16, 16, 3)
    assert not (train[0][:10] == test[0]).all(axis=(1, 2, 3, 4)).any()
    assert (info.name, info.source) == ("Clips", "embedded")
    assert info.classes == clips.CLASSES
    assert "Clips (embedded, 10 classes)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: drawn_clips.render(0), "`num_clips` must be at least 1. Received: 0"),
        (
            lambda: drawn_clips.render(1, num_frames=1),
            "`num_frames` must be at least 2",
        ),
        (
            lambda: drawn_clips.render(1, size=7),
            "`size` must be at least 8. Received: 7",
        ),
        (lambda: clips.load(num_test=0), "`num_test` must be at least 1. Received: 0"),
        (lambda: clips.load("local"), 'one of "auto", "embedded". Received: \'local\''),
        (
            lambda: clips.check(np.zeros((8, 32, 32, 3))),
            r"five axes: clip, frame, .* Received: shape \(8, 32, 32, 3\)",
        ),
        (
            lambda: clips.check(np.zeros((2, 3, 8, 8, 1)), num_frames=4),
            r"at least 4 frames. Received: 3, shape \(2, 3, 8, 8, 1\)",
        ),
        (
            lambda: clips.check(np.zeros((2, 4, 8, 8, 1), "uint8")),
            "divide bytes by 255. Received: uint8",
        ),
        (
            lambda: clips.check(np.full((1, 4, 8, 8, 1), 255.0)),
            r"must lie in \[0, 1\]. Received: 255 to 255",
        ),
    ],
)
def test_errors_state_the_rule_and_what_came(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_clip_with_a_hole_is_counted_and_named(drawn, value):
    broken = drawn[0][:5].copy()
    broken[[3, 4], 0, 0, 0, 0] = value
    message = "NaN or infinity in 2 clips, the first of them number 3"
    with pytest.raises(ValueError, match=message):
        clips.check(broken)


def test_good_clips_come_back_as_they_are(drawn):
    assert clips.check(drawn[0], num_frames=8) is drawn[0]


def test_a_mirror_exchanges_right_and_left_and_both_turns():
    exchanged = [i for i, other in enumerate(clips.MIRRORED) if i != other]
    assert [clips.CLASSES[i] for i in exchanged] == [
        "right",
        "left",
        "turns left",
        "turns right",
    ]
    twice = np.array(clips.MIRRORED)[list(clips.MIRRORED)]
    np.testing.assert_array_equal(twice, range(10))
