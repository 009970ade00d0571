"""Figures hold what they were given, and their alternative text travels with them."""

import base64
import io

import matplotlib
import numpy as np
import pytest
from PIL import Image

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
        data, metadata = shell.display_formatter.format(figure)
        assert metadata["image/png"]["alt"] == "A rising line."
        assert (data["image/png"], metadata["image/png"]) == figures.picture(figure)
        assert "image/png" not in shell.display_formatter.format(plt.figure())[0]
    finally:
        InteractiveShell.clear_instance()


def test_picture_has_two_pixels_for_one_of_the_page():
    figure = plt.figure(figsize=(7, 3))
    figure.subplots().plot([0, 1])
    png, metadata = figures.picture(figure)
    sharp = Image.open(io.BytesIO(base64.b64decode(png)))
    assert metadata["width"] == pytest.approx(700, abs=25)
    assert sharp.width // 2 == metadata["width"]
    assert sharp.height // 2 == metadata["height"]


def test_picture_keeps_every_grey_of_a_photograph():
    figure, ax = plt.subplots(figsize=(7, 1))
    ax.imshow(np.arange(256)[None], cmap="gray", aspect="auto")
    png, _ = figures.picture(figure)
    greys = np.unique(Image.open(io.BytesIO(base64.b64decode(png))).convert("L"))
    assert len(greys) > 200


def test_no_other_network_takes_the_colour_of_a_named_one():
    run = {"loss": [1.0], "val_loss": [1.0]}
    names = ["simple CNN", "no dropout", "no swish", "modern CNN"]
    ax = figures.curves({name: [run] for name in names}, "loss")
    lines = ax.lines[1:8:2]
    assert len({line.get_color() for line in lines}) == 4
    assert len({line.get_marker() for line in lines}) == 4  # told apart in grey
    assert lines[0].get_color() == figures.MODEL_COLOURS["simple CNN"]


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


def test_a_run_that_stopped_early_leaves_the_mean_to_the_others():
    runs = [
        {"loss": [2.0, 1.0], "val_loss": [2.0, 1.0]},
        {"loss": [4.0, 3.0, 2.0], "val_loss": [4.0, 3.0, 2.0]},
    ]
    ax = figures.curves({"modern CNN": runs}, "loss")
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [3.0, 2.0, 2.0])


def test_confusion_shows_shares_of_the_true_class():
    ax = figures.confusion(np.array([[3, 1], [0, 0]]), ["cat", "dog"])
    np.testing.assert_allclose(ax.images[0].get_array(), [[75, 25], [0, 0]])
    assert [text.get_text() for text in ax.texts] == ["75", "25"]


def test_ablation_sorts_the_arms_by_their_mean():
    ax = figures.ablation({"all": [0.8, 0.9], "less": [0.5, 0.6]}, baseline="all")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["less", "all"]
    np.testing.assert_allclose(ax.lines[1].get_xdata(), [50, 60])


def test_ablation_keeps_a_given_order():
    accuracies = {"all": [0.8, 0.9], "less": [0.5, 0.6]}
    ax = figures.ablation(accuracies, "all", arms=["all", "less"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["all", "less"]
    np.testing.assert_allclose(ax.lines[1].get_xdata(), [80, 90])


def test_flattery_draws_the_mean_over_runs():
    ax = figures.selection_bias(
        [10, 100], np.array([[4.0, 1.0], [2.0, 0.0]]), np.zeros((2, 2))
    )
    mean = next(line for line in ax.lines if line.get_label().endswith("test images"))
    np.testing.assert_allclose(mean.get_ydata(), [3.0, 0.5])


def test_signed_map_is_white_at_zero_and_other_maps_run_from_black_to_white():
    values = np.array([[-1.0, 3.0]])
    assert figures.feature_map(values, limit=2).images[0].get_clim() == (-2, 2)
    grey = figures.feature_map(values, "blur", signed=False)
    assert grey.images[0].get_clim() == (0, 1)
    assert grey.get_title(loc="center") == "blur"


def test_a_few_extreme_values_do_not_pale_a_signed_map():
    values = np.r_[np.full(999, -1.0), 50.0].reshape(10, 100)
    assert figures.feature_map(values).images[0].get_clim() == (-1, 1)


def test_map_of_zeros_is_drawn():
    assert figures.feature_map(np.zeros((2, 2))).images[0].get_clim()[1] > 0


def test_numbers_are_written_in_their_cells():
    ax = figures.numbers(np.array([[0.0, -2.5], [1.0, 9.0]]))
    assert [text.get_text() for text in ax.texts] == ["0", "-2.5", "1", "9"]
    assert [text.get_position() for text in ax.texts][1] == (1, 0)


def test_lines_show_the_mean_over_runs():
    ax = figures.lines([0, 1], {"one": [1.0, 2.0], "two": [[0.0, 1.0], [2.0, 5.0]]})
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1, 2])
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [1, 3])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]


def test_activations_are_solid_and_their_slopes_dashed():
    square = (np.square, lambda x: 2 * x)
    axes = figures.activations({"square": square, "again": square})
    value, slope = axes[0, 0].lines[2:]
    np.testing.assert_allclose(value.get_ydata(), value.get_xdata() ** 2)
    np.testing.assert_allclose(slope.get_ydata(), 2 * slope.get_xdata())
    assert (value.get_linestyle(), slope.get_linestyle()) == ("-", "--")
    assert [ax.get_title(loc="center") for ax in axes[0, :2]] == ["square", "again"]


MAP = {
    "01": {"name": "first", "needs": []},
    "02": {"name": "second", "needs": ["01"]},
    "03": {"name": "third", "needs": ["01", "02"]},
}


def test_curriculum_puts_each_lesson_to_the_right_of_what_it_needs():
    ax = figures.curriculum(MAP, written=["01"])
    places = {text.get_text(): text.get_position() for text in ax.texts}
    assert [places[name][0] for name in ("01 first", "02 second", "03 third")] == [
        0,
        1,
        2,
    ]


def test_curriculum_draws_a_lesson_that_is_not_written_pale():
    strong, *pale = figures.curriculum(MAP, written=["01"]).patches
    assert (
        matplotlib.colors.to_hex(strong.get_facecolor()) == figures.COLOURS[0].lower()
    )
    assert all(min(box.get_facecolor()) > 0.9 for box in pale)


def test_losses_are_drawn_from_the_first_layer_down():
    ax = figures.layer_losses(["stem", "head"], [0.02, 0.5], [0.02, 0.6])
    assert [bar.get_width() for bar in ax.patches] == [2, 50]
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [2, 60])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["stem", "head"]
    assert ax.yaxis_inverted()


def test_variants_stand_at_their_size_and_median_time_with_quartiles():
    ax = figures.size_and_latency(
        ["float32", "int8"], [600, 170], [[0.5, 0.4, 0.7], [0.1, 0.1, 0.1]]
    )
    first = ax.containers[0]
    assert first.lines[0].get_xydata().tolist() == [[600, 0.5]]
    ((bar,),) = (line.get_segments() for line in first.lines[2])
    np.testing.assert_allclose(bar[:, 1], [0.4, 0.7])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_the_front_rises_where_a_dearer_network_is_better_than_all_cheaper_ones():
    groups = {"a": ([3, 1, 2], [0.5, 0.4, 0.3]), "b": ([2], [0.6])}
    ax = figures.trade_off(groups)
    front = {line.get_label(): line for line in ax.lines}["front"].get_xydata()
    assert front[:, 0].tolist() == [1, 2, 2, 3]
    np.testing.assert_allclose(front[:, 1], [40, 60, 60, 60])
    assert ax.lines[0].get_xydata().tolist() == [[3, 50], [1, 40], [2, 30]]


def test_a_race_is_drawn_in_minutes_and_percent():
    ax = figures.race({"a": ([30, 90], [0.5, 0.6]), "b": ([60], [0.25])})
    drawn = [line.get_xydata().tolist() for line in ax.lines]
    assert drawn == [[[0.5, 50], [1.5, 60]], [[1, 25]]]


def test_a_model_has_the_colour_of_its_curves_in_a_race_too():
    history = {"accuracy": [0.5], "val_accuracy": [0.5]}
    curves = figures.curves({"other": [history], "modern CNN": [history]})
    race = figures.race({"other": ([30], [0.5]), "modern CNN": ([30], [0.4])})
    colours = [
        {line.get_label(): line.get_color() for line in ax.lines}
        for ax in (curves, race)
    ]
    assert colours[0] == colours[0] | colours[1]
    assert len(set(colours[1].values())) == 2


def test_trainings_stand_at_their_seconds_with_a_marker_for_each_machine():
    machines = {
        "cores": {"narrow": ([200, 100], [0.9, 0.8]), "wide": ([900], [0.94])},
        "GPU": {"wide": ([10], [0.94])},
    }
    ax = figures.trainings(machines)
    drawn = [line for line in ax.lines if len(line.get_xdata())]
    found = [line.get_xydata().tolist() for line in drawn]
    assert found == [[[200, 90], [100, 80]], [[900, 94]], [[10, 94]]]
    narrow, wide, on_gpu = (line.get_marker() for line in drawn)
    assert narrow == wide != on_gpu
    assert [name.get_text() for name in ax.texts] == ["narrow", "wide", "wide"]
    assert [text.get_text() for text in ax.get_legend().texts] == ["cores", "GPU"]
    assert ax.get_xscale() == "log"


def test_speeds_are_drawn_as_medians_and_turns_a_panel_a_dial():
    axes = figures.speeds({"batch": {64: [1, 2, 9], 128: [5]}, "cores": {1: [4, 6]}})
    heights = [[bars[0].get_height() for bars in ax.containers] for ax in axes]
    assert heights == [[2, 5], [5]]
    assert axes[0].lines[0].get_xydata().tolist() == [[0, 1], [0, 2], [0, 9]]
    assert [label.get_text() for label in axes[0].get_xticklabels()] == ["64", "128"]
    assert [ax.get_title("left") for ax in axes] == ["batch", "cores"]


def test_channels_below_half_a_step_are_drawn_as_lost():
    ax = figures.steps_of_channels(np.array([0.2, 100.0, 1.5]))
    kept, lost = ([bar.get_height() for bar in bars] for bars in ax.containers)
    assert (kept, lost) == ([100, 1.5], [0.2])
    assert ax.lines[0].get_ydata()[0] == 0.5
    assert ax.get_ylim()[0] < 0.2
    assert len(figures.steps_of_channels(np.array([2.0, 9.0])).containers) == 1


def test_a_silent_channel_is_lost_without_a_warning():
    ax = figures.steps_of_channels(np.array([0.0, 9.0]))
    assert len(ax.containers) == 2
    assert ax.get_ylim()[0] == 0.01


def test_a_model_has_one_colour_and_marker_and_a_figure_one_legend():
    run = {"accuracy": [0.1, 0.2], "val_accuracy": [0.1, 0.3], "loss": [2.0, 1.0]}
    run["val_loss"] = run["loss"]
    figure, (left, right) = plt.subplots(1, 2)
    figures.curves({"new": [run], "modern CNN": [run]}, "accuracy", left)
    figures.curves({"modern CNN": [run], "new": [run]}, "loss", right)
    looks = [
        {
            (line.get_color(), line.get_marker())
            for line in ax.lines
            if line.get_xdata().size
        }
        for ax in (left, right)
    ]
    assert looks[0] == looks[1]
    assert len(looks[0]) == 2
    assert [ax.get_legend() is None for ax in (left, right)] == [False, True]


def test_no_two_of_fourteen_variants_look_alike():
    names = [f"variant {k}" for k in range(14)]
    ax = figures.size_and_latency(names, range(1, 15), [[2, 1, 3]] * 14)
    lines = [line for line in ax.lines if line.get_label() in names]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 14


def test_a_map_shows_each_class_in_its_own_look_and_a_figure_one_legend():
    labels = np.arange(10).repeat(3)
    places = np.random.default_rng(0).normal(size=(30, 2))
    figure, (left, right) = plt.subplots(1, 2)
    figures.embedding(places, labels, [f"class {k}" for k in range(10)], left)
    figures.embedding(places, labels, [f"class {k}" for k in range(10)], right)
    assert len({(x.get_color(), x.get_marker()) for x in left.lines}) == 10
    np.testing.assert_array_equal(left.lines[2].get_xydata(), places[6:9])
    assert len(figure.legends) == 1
