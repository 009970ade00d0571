"""Figures hold what they were given, and their alternative text travels with them."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")

import matplotlib.pyplot as plt

from cnnlab import figures


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_alternative_text_is_kept():
    figure = figures.describe(plt.figure(), "A rising line.")
    assert figure.alternative_text == "A rising line."


def test_empty_alternative_text_is_refused():
    with pytest.raises(ValueError, match="must not be empty. Received: ' '"):
        figures.describe(plt.figure(), " ")


def test_alternative_text_is_stored_with_the_picture():
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.core.pylabtools import select_figure_formats

    shell = InteractiveShell.instance()
    try:
        select_figure_formats(shell, {"png"})
        figure = figures.describe(plt.subplots()[0], "A rising line.")
        _, metadata = shell.display_formatter.format(figure)
        assert metadata["image/png"]["alt"] == "A rising line."
    finally:
        InteractiveShell.clear_instance()


def test_images_fill_the_grid_and_leave_the_rest_empty():
    axes = figures.images(np.zeros((7, 4, 4, 1)), titles="abcdefg", columns=5)
    assert axes.shape == (2, 5)
    assert [len(ax.images) for ax in axes.flat] == [1] * 7 + [0] * 3
    assert axes[1, 1].get_title() == "g"


def test_training_is_dashed_and_validation_solid_with_the_mean_over_seeds():
    runs = [
        {"accuracy": [0.2, 0.4], "val_accuracy": [0.1, 0.2]},
        {"accuracy": [0.4, 0.6], "val_accuracy": [0.3, 0.4]},
    ]
    ax = figures.curves({"modern CNN": runs})
    training, validation = ax.lines[:2]
    np.testing.assert_allclose(training.get_ydata(), [0.3, 0.5])
    np.testing.assert_allclose(validation.get_ydata(), [0.2, 0.3])
    assert (training.get_linestyle(), validation.get_linestyle()) == ("--", "-")
    assert training.get_color() == validation.get_color() == figures.COLOURS[0]


def test_confusion_shows_shares_of_the_true_class():
    ax = figures.confusion(np.array([[3, 1], [0, 0]]), ["cat", "dog"])
    np.testing.assert_allclose(ax.images[0].get_array(), [[75, 25], [0, 0]])
    assert [text.get_text() for text in ax.texts] == ["75", "25"]


def test_ablation_sorts_the_arms_by_their_mean():
    ax = figures.ablation({"all": [0.8, 0.9], "less": [0.5, 0.6]}, baseline="all")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["less", "all"]
    np.testing.assert_allclose(ax.lines[1].get_xdata(), [50, 60])
