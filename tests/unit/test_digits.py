"""Digits: those of scikit-learn, split by writer rather than at random."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from cnnlab.data import digits, fetch


def test_digits_are_those_of_scikit_learn():
    train, test, _ = digits.load()
    expected, labels = load_digits(return_X_y=True)
    images = np.concatenate([train[0], test[0]])
    assert images.dtype == np.float32
    assert images.shape == (1797, 8, 8, 1)
    together = np.concatenate([train[1], test[1]])
    assert together.dtype == np.int64
    np.testing.assert_array_equal(np.bincount(together), np.bincount(labels))
    rows = images.reshape(-1, 64) * 16
    np.testing.assert_array_equal(np.unique(rows, axis=0), np.unique(expected, axis=0))


def test_test_split_is_the_last_36_of_each_class():
    train, test, _ = digits.load()
    expected, labels = load_digits(return_X_y=True)
    assert np.bincount(test[1]).tolist() == [36] * 10
    for digit in range(10):
        ours = np.concatenate([split[0][split[1] == digit] for split in (train, test)])
        theirs = expected[labels == digit].reshape(-1, 8, 8, 1) / 16
        np.testing.assert_array_equal(ours, theirs)


def nearest_neighbour_errors(train, test):
    """Share of the test rows (64 pixels, label) whose nearest neighbour errs."""
    squares = (train[:, :64] ** 2).sum(axis=1)
    nearest = (squares - 2 * test[:, :64] @ train[:, :64].T).argmin(axis=1)
    return np.mean(train[nearest, 64] != test[:, 64])


def test_unseen_hands_are_harder_than_a_shuffled_split():
    rows = np.concatenate(
        [np.c_[images.reshape(-1, 64), labels] for images, labels in digits.load()[:2]]
    )
    errors = nearest_neighbour_errors(rows[:1437], rows[1437:])
    assert 0.035 < errors < 0.045
    np.random.default_rng(0).shuffle(rows)
    assert 0.005 < nearest_neighbour_errors(rows[:1437], rows[1437:]) < 0.015


def test_line_and_record(capsys):
    *_, info = digits.load(num_train=5, num_test=5)
    line = "Data: Digits (embedded, 10 classes), since it is always here.\n"
    assert capsys.readouterr().out == line
    assert info.checksum.startswith("sha256:09f66e6d")


def test_first_so_many_are_taken():
    train, test, _ = digits.load(num_train=5, num_test=3)
    assert train[1].tolist() == [0, 1, 2, 3, 4]
    assert test[0].shape == (3, 8, 8, 1)
    with pytest.raises(
        ValueError, match="between 1 and 1437. Received: num_train=1438"
    ):
        digits.load(num_train=1438)


@pytest.mark.parametrize("source", ["local", "download", "internet"])
def test_other_sources_are_refused(source):
    with pytest.raises(ValueError, match=f"Received: '{source}'"):
        digits.load(source)


def test_another_file_in_scikit_learn_is_refused(monkeypatch):
    monkeypatch.setattr(digits, "CHECKSUM", "sha256:0")
    with pytest.raises(fetch.DataError, match="digits.csv.gz.*reinstall.*sklearn"):
        digits.load()


def test_missing_scikit_learn_is_one_clear_error(monkeypatch):
    monkeypatch.setattr(fetch.importlib.util, "find_spec", lambda package: None)
    with pytest.raises(fetch.DataError, match="sklearn is not installed"):
        digits.load("embedded")
