"""Solids: the same everywhere, turned and not bent, clear errors."""

import numpy as np
import pytest

from cnnlab.data import solids
from cnnlab.scenes import images
from cnnlab.scenes import solids as drawn_solids

# Of render(48, seed=0); it changes with every change of the bodies.
CHECKSUM = "5c72bcfb2fb5b68f014e2cb77703c70f463e96765cf37c4418da7a10837e0cb4"


@pytest.fixture(scope="module")
def drawn():
    return drawn_solids.render(48)


def test_the_fingerprint_of_a_fixed_seed_never_changes(drawn):
    assert images.fingerprint(drawn) == CHECKSUM


def test_shapes_types_and_ranges(drawn):
    volumes, labels = drawn
    assert volumes.shape == (48, 28, 28, 28, 1)
    assert (volumes.dtype, labels.dtype) == (np.float32, np.int64)
    assert (volumes.min(), volumes.max()) == (0, 1)
    assert volumes.reshape(48, -1).max(axis=1).min() == 1  # each shows a body
    rounds = labels.reshape(-1, 8)
    np.testing.assert_array_equal(np.sort(rounds, axis=1), [range(8)] * 6)
    assert len(np.unique(rounds, axis=0)) == 6


def test_a_volume_depends_on_the_seed_and_its_number_alone(drawn):
    few, labels = drawn_solids.render(11)
    np.testing.assert_array_equal(few, drawn[0][:11])
    np.testing.assert_array_equal(labels, drawn[1][:11])
    assert np.abs(drawn_solids.render(11, seed=1)[0] - few).mean() > 0.01


def test_a_quarter_turn_is_a_quarter_turn():
    half = np.float64(0.5) ** 0.5
    turned = drawn_solids.rotate(1.0, 2.0, 3.0, (half, 0, 0, half))
    np.testing.assert_allclose(turned, (-2, 1, 3), atol=1e-12)


def test_turning_keeps_lengths_whatever_the_length_of_the_quaternion():
    x, y, z = np.random.default_rng(0).normal(size=(3, 50))
    turned = drawn_solids.rotate(x, y, z, (0.3, -2.0, 1.0, 0.7))
    lengths = np.linalg.norm(turned, axis=0)
    np.testing.assert_allclose(lengths, np.linalg.norm([x, y, z], axis=0))


def test_a_rod_and_a_ring_have_the_volumes_of_geometry():
    axis = (np.arange(100) + 0.5) / 50 - 1
    z, y, x = np.meshgrid(axis, axis, axis)
    rod = drawn_solids.rod(x, y, z, (0.0, 0.0))
    inside = (rod < 0).mean() * 8
    assert inside == pytest.approx(np.pi * 0.22**2 * 1.9, rel=0.05)
    ring = drawn_solids.ring(x, y, z, (0.0, 0.0))
    inside = (ring < 0).mean() * 8
    assert inside == pytest.approx(2 * np.pi**2 * 0.65 * 0.18**2, rel=0.05)


def test_load_draws_three_streams_and_says_what_they_are(capsys):
    train, val, test, info = solids.load(num_train=16, num_val=8, num_test=8)
    assert [len(part[0]) for part in (train, val, test)] == [16, 8, 8]
    assert not (train[0][:8] == val[0]).all(axis=(1, 2, 3, 4)).any()
    assert not (val[0] == test[0]).all(axis=(1, 2, 3, 4)).any()
    assert (info.name, info.source) == ("Solids", "embedded")
    assert info.classes == solids.CLASSES
    assert "Solids (embedded, 8 classes)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: drawn_solids.render(0),
            "`num_volumes` must be at least 1. Received: 0",
        ),
        (
            lambda: drawn_solids.render(8, size=7),
            "`size` must be at least 8. Received: 7",
        ),
        (lambda: solids.load(num_val=0), "`num_val` must be at least 1. Received: 0"),
        (
            lambda: solids.load("local"),
            'one of "auto", "embedded". Received: \'local\'',
        ),
    ],
)
def test_errors_state_the_rule_and_what_came(call, message):
    with pytest.raises(ValueError, match=message):
        call()
