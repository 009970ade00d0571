"""Shapes: distances agree with closed forms, and objects stay in their square."""

import numpy as np
import pytest

from cnnlab.scenes import shapes

AXIS = np.linspace(-1.5, 1.5, 61, dtype="float32")
X, Y = (field.reshape(1, -1) for field in np.meshgrid(AXIS, AXIS))
FORMS = np.random.default_rng(0).random((3, 5, 1), dtype="float32")


def test_circle_is_the_distance_to_the_circle():
    np.testing.assert_allclose(
        shapes.circle(X, Y, 0.5), np.hypot(X, Y) - 0.5, atol=1e-6
    )


def test_box_is_the_distance_to_the_nearest_point_of_the_box():
    nearest = np.hypot(X - np.clip(X, -0.6, 0.6), Y - np.clip(Y, -0.3, 0.3))
    distance = shapes.box(X, Y, 0.6, 0.3)
    np.testing.assert_allclose(np.maximum(distance, 0), nearest, atol=1e-6)
    assert distance[0].min() == pytest.approx(-0.3)


def test_rounding_keeps_the_size_of_a_box_and_cuts_its_corner():
    x, y = np.array([0.6, 0, 0.6]), np.array([0, 0.3, 0.3])
    corner = 0.1 * (2**0.5 - 1)
    distance = shapes.box(x, y, 0.6, 0.3, rounding=0.1)
    np.testing.assert_allclose(distance, [0, 0, corner], atol=1e-9)


def test_ellipse_is_zero_on_its_outline_and_falls_inwards():
    angle = np.linspace(0, 6, 50)
    x, y = 0.7 * np.cos(angle), 0.2 * np.sin(angle)
    np.testing.assert_allclose(shapes.ellipse(x, y, 0.7, 0.2), 0, atol=1e-6)
    assert (shapes.ellipse(0.9 * x, 0.9 * y, 0.7, 0.2) < 0).all()
    assert shapes.ellipse(np.zeros(1), np.zeros(1), 0.7, 0.2) < -0.1
    assert (shapes.ellipse(1.1 * x, 1.1 * y, 0.7, 0.2) > 0).all()


def test_taper_with_no_top_is_a_triangle():
    inside = shapes.taper(X, Y, 0.8, 0.0, 0.5) < 0
    expected = (np.abs(Y) < 0.5) & (np.abs(X) < 0.8 * (0.5 - Y))
    np.testing.assert_array_equal(inside, expected)


def test_stick_is_the_distance_to_a_segment():
    nearest = np.hypot(X, Y - np.clip(Y, -0.5, 0.25))
    stick = shapes.stick(X, Y, -0.5, 0.25, 0.1)
    np.testing.assert_allclose(stick, nearest - 0.1, atol=1e-6)


def test_blend_fills_the_seam_and_is_a_union_elsewhere():
    left, right = shapes.circle(X + 0.5, Y, 0.5), shapes.circle(X - 0.5, Y, 0.5)
    union, blend = shapes.union(left, right), shapes.blend(left, right, 0.2)
    assert (blend <= union).all()
    far = np.abs(left - right) >= 0.2
    np.testing.assert_array_equal(blend[far], union[far])
    assert blend[~far].sum() < union[~far].sum()


@pytest.mark.parametrize("shape", shapes.OBJECTS, ids=lambda shape: shape.__name__)
def test_objects_fill_their_square_and_stay_inside_it(shape):
    parts = shape(np.tile(X, (5, 1)), np.tile(Y, (5, 1)), FORMS)
    distance = shapes.union(*(distance for distance, _ in parts))
    assert distance.dtype == np.float32  # another type would be slower
    assert distance.shape == (5, X.size)
    inside = distance < 0
    outside_square = np.maximum(np.abs(X), np.abs(Y))[0] > 1.15
    assert not inside[:, outside_square].any()
    area = inside.mean(axis=1) * 9  # square units, of 4
    assert area.min() > 0.5


def test_form_varies_an_object_within_its_class():
    for shape in shapes.OBJECTS:
        fields = [np.tile(X, (5, 1)), np.tile(Y, (5, 1))]
        parts = shape(*fields, FORMS)
        distance = shapes.union(*(distance for distance, _ in parts))
        assert len(np.unique((distance < 0).sum(axis=1))) > 1, shape.__name__
