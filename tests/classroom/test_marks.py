"""Marks: what counts as an array of numbers, and what is said about what does not."""

import io

import numpy as np
import pytest

from cnnlab.classroom.exercise import Exercise, case, mistake
from cnnlab.classroom.hints import NotYet, agree, check
from cnnlab.classroom.mark import judge, read_array


def saved(array):
    """Saves an array as the sandbox does."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@mistake("Half is missing.")
def half(x):
    return x / 2


CASES = [
    case(np.ones(2), points=1, about="Ones"),
    case(np.zeros(2) + 5, points=2, about="Fives"),
]
EXERCISE = Exercise("same", 3, lambda x: x, lambda random: CASES, (half,))


def marked(*arrays, **options):
    """Marks answers to the two cases."""
    answers = {f"same.{n}.npy": saved(a) for n, a in enumerate(arrays) if a is not None}
    return judge(EXERCISE, CASES, answers, **options)


def test_each_right_case_earns_its_points():
    assert marked(np.ones(2), np.full(2, 5.0)).points == 3
    assert marked(np.ones(2), np.full(2, 6.0)).points == 1
    assert marked(np.zeros(2), np.full(2, 5.0)).points == 2


def test_a_known_mistake_gets_its_hint_once():
    mark = marked(np.full(2, 0.5), np.full(2, 2.5))
    assert (mark.points, mark.lines) == (0, ["Half is missing."])


def test_a_complaint_names_its_cases():
    assert marked(np.ones(2), np.zeros(2)).lines == [
        "Fives: The numbers are not right yet."
    ]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("time", "too long"),
        ("memory", "memory"),
        ("disk", "files"),
        ("output", "printed"),
        (None, "ended before"),
    ],
)
def test_what_is_not_there_is_explained(reason, said):
    assert said in marked(None, None, reason=reason).lines[0]


@mistake("One axis too many.")
def stacked(x):
    return np.stack([x, x])


def test_a_mistake_may_have_a_shape_of_its_own():
    exercise = Exercise("same", 3, lambda x: x, lambda random: CASES, (half, stacked))
    answers = {
        f"same.{n}.npy": saved(np.stack([c.arguments[0]] * 2))
        for n, c in enumerate(CASES)
    }
    assert judge(exercise, CASES, answers).lines == ["One axis too many."]
    answers = {name: saved(np.ones((2, 2))) for name in answers}
    assert "wrong shape (2, 2)" in judge(exercise, CASES, answers).lines[-1]


def test_an_expected_value_is_never_said():
    for wrong in (np.zeros(2), np.ones(3), np.full(2, np.nan), np.ones(2) * 1j):
        assert not any("5" in line for line in marked(wrong, wrong).lines)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not an array"),
        (b"\x93NUMPY\x09\x00", "not an array"),
        (saved(np.ones(2))[:-1], "not an array"),
        (saved(np.ones(2)) + b"more", "not an array"),
        (saved(np.ones((2, 1))), "wrong shape"),
        (saved(np.ones(2, complex)), "no real numbers"),
        (saved(np.array(["a", "b"])), "no real numbers"),
        (saved(np.ones(2, "M8[s]")), "no real numbers"),
        (saved(np.ones(2, "f4,f4")), "no real numbers"),
        (saved(np.array([{}, {}])), "no real numbers"),
    ],
)
def test_only_real_numbers_of_the_wanted_shape_are_read(content, said):
    with pytest.raises(ValueError, match=said):
        read_array(content, {(2,)})


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f8", "i8", "u1", "bool", "longdouble"])
def test_any_real_type_is_read(dtype):
    array = np.array([0, 1], dtype)
    np.testing.assert_array_equal(read_array(saved(array), {(2,)}), array)


def test_a_scalar_is_an_array_without_axes():
    assert read_array(saved(np.float64(3)), {()}) == 3


def test_agreement_needs_one_shape_and_real_numbers():
    assert agree([1.0, 2.0], np.array([1, 2]), 0)
    assert agree(1.00001, 1, 1e-4)
    for other in ([[1.0, 2.0]], [1.0], 1.0, None, "1", [1j, 2], [np.nan, 2], object()):
        assert not agree(other, [1.0, 2.0], 1e-4)


def test_a_public_check_says_what_came_and_the_hint(capsys):
    check(2, 2)
    assert capsys.readouterr().out == "Right.\n"
    with pytest.raises(NotYet, match="Too large.\nReceived: 4"):
        check(4, 2, {"Too small.": 1, "Too large.": 4})
    with pytest.raises(NotYet, match="Wanted: 2\nReceived: 5"):
        check(5, 2, {"Too large.": 4})


def test_jupyter_shows_the_hint_without_a_traceback():
    assert NotYet("Too large.")._render_traceback_() == ["Not yet. Too large."]
