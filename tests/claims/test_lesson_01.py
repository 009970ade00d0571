"""What lesson 01 and the benchmark of its module state; seeds that it does not show."""

from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest

LESSON = Path(__file__).parents[2] / "notebooks/01_convolution_basics.ipynb"
SEEDS = (3, 4, 5)


@pytest.fixture(scope="module")
def lesson():
    """Runs the lesson with other seeds; its own checks of ranges must hold, too."""
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


def frames(lesson):
    """The curves of the dead ReLU, those shown: (seeds, loss or dead, steps)."""
    return [np.array(curves) for curves in lesson["runs"].values()]


def test_a_dense_network_loses_half_of_the_digits_after_one_pixel(lesson):
    dense = lesson["results"]["dense"].mean(axis=0)
    assert dense[0] == pytest.approx(90, abs=2)
    assert dense[1] == pytest.approx(45, abs=5)
    assert dense[2] == pytest.approx(15, abs=5)


def test_flattened_maps_lose_them_too_and_pooled_maps_do_not(lesson):
    flattened = lesson["results"]["convolution, flattened"].mean(axis=0)
    pooled = lesson["results"]["convolution, pooled"]
    assert flattened[0] == pytest.approx(91, abs=3)
    assert flattened[1] == pytest.approx(49, abs=6)
    assert pooled.min() > 85
    assert np.ptp(pooled, axis=1).max() < 1  # the same, wherever the digit stands


def test_nine_of_21_columns_carry_92_percent_of_the_gradient(lesson):
    assert lesson["shares"][16:25].sum() == pytest.approx(0.92, abs=0.005)
    assert np.count_nonzero(lesson["shares"]) == 21


def test_two_pixels_change_local_features_by_half_and_their_average_by_little(lesson):
    changes = lesson["changes"]
    assert changes["no pooling"][2] > 1
    assert changes["global average"][2] < 0.05


def test_the_maximum_of_a_window_changes_less_than_its_average(lesson):
    largest, mean = (lesson["changes"][name] for name in ("max, 8x8", "average, 8x8"))
    assert all(one < other for one, other in zip(largest[1:], mean[1:], strict=True))


def test_a_long_step_throws_every_leaky_run_and_one_of_relu_out_of_the_frame(lesson):
    beyond = [int(np.sum(runs.max(axis=2)[:, 0] > 3)) for runs in frames(lesson)]
    assert beyond == [1, 3, 0]


def test_sharing_and_locality_save_what_is_stated(lesson):
    shared, dense = lesson["costs"]["convolution 3x3"], lesson["costs"]["dense"]
    assert shared.parameters == 1792
    assert round(dense.parameters / 1e6) == 201
    assert round(dense.parameters / shared.parameters, -3) == 112_000
    assert round(dense.multiply_accumulates / shared.multiply_accumulates) == 114


def test_one_long_step_kills_relu_units_for_good_and_leaky_ones_never(lesson):
    learn = lesson["learn"]
    for seed in SEEDS:
        loss, dead = learn("relu", 10.0, seed)
        leaky_loss, leaky_dead = learn("leaky_relu", 10.0, seed)
        assert dead[-1] >= 0.25
        assert np.all(np.diff(dead[1:]) >= 0)
        assert leaky_dead.max() == 0
        assert leaky_loss[-1] < loss[-1]
