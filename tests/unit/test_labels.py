"""Labels arrive as class numbers, or are refused by name."""

import numpy as np
import pytest

from cnnlab.labels import class_numbers


@pytest.mark.parametrize(
    "labels",
    [
        [1, 0, 2],
        [[1], [0], [2]],
        np.eye(3)[[1, 0, 2]],
        np.eye(3, dtype=bool)[[1, 0, 2]],
        np.array([1.0, 0.0, 2.0], "float32"),
        np.array([[1], [0], [2]], "uint8"),
    ],
    ids=["list", "column", "one-hot", "bool", "float", "bytes"],
)
def test_usual_forms_become_numbers(labels):
    numbers = class_numbers(labels, num_items=3, num_classes=3)
    assert numbers.dtype == "int64"
    assert numbers.tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("labels", "received"),
    [
        ([[0.5, 0.5]], r"float64 of shape \(1, 2\)"),
        ([[1, 1, 0]], r"int64 of shape \(1, 3\)"),
        ([[0, 0]], r"int64 of shape \(1, 2\)"),
        ([0.5], r"float64 of shape \(1,\)"),
        ([np.nan], r"float64 of shape \(1,\)"),
        (["cat"], r"<U3 of shape \(1,\)"),
        (3, r"int64 of shape \(\)"),
        (np.zeros((2, 2, 2)), r"float64 of shape \(2, 2, 2\)"),
    ],
)
def test_other_forms_are_refused(labels, received):
    with pytest.raises(ValueError, match=f"Labels must be .* Received: {received}"):
        class_numbers(labels)


def test_number_of_labels_and_classes_must_fit():
    with pytest.raises(ValueError, match="Received: 2 labels, 3 items"):
        class_numbers([0, 1], num_items=3)
    with pytest.raises(ValueError, match="from 0 to 1. Received: 0 to 2"):
        class_numbers([0, 2], num_classes=2)
    with pytest.raises(ValueError, match="Received: -1 to 2"):
        class_numbers([-1, 2])


def test_no_labels_are_no_error():
    assert class_numbers(np.array([], int), num_items=0).shape == (0,)
