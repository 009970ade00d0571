"""What lesson 01 states, with seeds that it does not show."""

from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest

LESSON = Path(__file__).parents[2] / "notebooks/01_convolution_basics.ipynb"
SEEDS = (3, 4, 5)


@pytest.fixture(scope="module")
def lesson():
    """Runs the lesson with other seeds; its own checks must hold, too."""
    notebook = nbformat.read(LESSON, as_version=4)
    names = {"__name__": "lesson"}
    plt.switch_backend("agg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plt, "show", lambda: plt.close("all"))
        for cell in notebook.cells:
            if cell.cell_type == "code":
                exec(cell.source, names)
            if "parameters" in cell.metadata.get("tags", []):
                names["SEEDS"] = SEEDS
    return names


def accuracies(lesson, name):
    """Returns the test accuracies of a network in percent: (seeds, shifts)."""
    return np.array(lesson["results"][name])


def test_a_dense_network_loses_half_of_the_digits_after_one_pixel(lesson):
    dense = accuracies(lesson, "dense").mean(axis=0)
    assert dense[0] == pytest.approx(90, abs=2)
    assert dense[1] == pytest.approx(45, abs=5)
    assert dense[2] == pytest.approx(15, abs=5)


def test_flattened_maps_lose_them_too_and_pooled_maps_do_not(lesson):
    flattened = accuracies(lesson, "convolution, flattened").mean(axis=0)
    pooled = accuracies(lesson, "convolution, pooled")
    assert flattened[0] == pytest.approx(91, abs=3)
    assert flattened[1] == pytest.approx(49, abs=6)
    assert pooled.min() > 85
    assert np.ptp(pooled, axis=1).max() < 1  # the same, wherever the digit stands


def test_nine_of_21_columns_carry_92_percent_of_the_gradient(lesson):
    assert lesson["columns"][16:25].sum() == pytest.approx(0.92, abs=0.005)
    assert np.count_nonzero(lesson["columns"]) == 21


def test_two_pixels_change_local_features_completely_and_their_average_little(lesson):
    changes = lesson["changes"]
    assert changes["no pooling"][2] > 100
    assert changes["global average"][2] < 5


def test_sharing_and_locality_save_the_factors_in_the_text(lesson):
    shared, dense = lesson["costs"]["convolution 3x3"], lesson["costs"]["dense"]
    assert shared.parameters == 1792
    assert round(dense.parameters / 1e6) == 201
    assert round(dense.parameters / shared.parameters, -3) == 112_000
    assert round(dense.multiply_accumulates / shared.multiply_accumulates) == 114


def test_a_kernel_is_learned_from_any_start(lesson):
    """The lesson's loop, with other random kernels."""
    windows, target = lesson["windows"], lesson["target"]
    for seed in SEEDS:
        learned = np.random.default_rng(seed).normal(0, 0.3, (3, 3))
        for _ in range(lesson["STEPS"]):
            error = np.einsum("ijab,ab->ij", windows, learned) - target
            gradient = np.einsum("ijab,ij->ab", windows, 2 * error / error.size)
            learned -= lesson["LEARNING_RATE"] * gradient
        assert abs(learned - lesson["kernel"]).max() < 0.3
