"""Explorers that draw a figure: right numbers, a picture, and every knob acts."""

from functools import partial

import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")

from cnnlab.convolution import receptive_field as arithmetic
from cnnlab.widgets import (
    activations,
    attention,
    quantization,
    receptive_field,
    schedules,
)

RNG = np.random.default_rng(0)
EXPLORERS = {
    "receptive field": receptive_field.receptive_field_explorer,
    "activations": activations.activation_explorer,
    "schedules": schedules.schedule_explorer,
    "attention": partial(
        attention.attention_explorer,
        RNG.random((3, 8, 8, 3)),
        [RNG.random((3, 6)), RNG.random((3, 5))],  # of two blocks
        [RNG.random((3, 8, 8)), RNG.random((3, 4, 4))],
    ),
    "quantisation": partial(
        quantization.quantization_explorer,
        RNG.normal(size=(32, 4)),
        RNG.normal(size=4),
        RNG.normal(size=(50, 32)),
    ),
}


@pytest.fixture(params=EXPLORERS)
def build(request):
    return EXPLORERS[request.param]


def test_without_a_browser_there_is_a_described_picture(build):
    bundle, metadata = build()._repr_mimebundle_()
    assert sorted(bundle) == ["image/png", "text/plain"]
    assert metadata["image/png"]["alt"] == bundle["text/plain"] != ""


def test_every_knob_is_labelled_and_redraws(build):
    explorer = build(in_browser=True)
    for name, knob in explorer.knobs.items():
        before = explorer.output.value
        if hasattr(knob, "options"):
            knob.value = next(x for x in reversed(knob.options) if x != knob.value)
        else:
            knob.value += 10
        assert knob.description == name.replace("_", " ")
        assert explorer.output.value != before


@pytest.mark.parametrize(
    "names",
    [
        ["convolution 3"] * 3,
        ["convolution 3, stride 2", "convolution 5", "pooling 2"],
        ["convolution 3", "convolution 3, stride 2", "convolution 3"],
    ],
)
def test_marked_pixels_span_the_receptive_field(names):
    stack = [receptive_field.LAYERS[name] for name in names]
    image, *_, output = receptive_field.seen_by_middle(stack, 32)
    field = arithmetic.receptive_field(stack, 32)
    marked = np.flatnonzero(image)
    assert np.ptp(marked) + 1 == field.size
    middle = field.centre + np.flatnonzero(output)[0] * field.stride
    assert (marked[0] + marked[-1]) / 2 == middle


def test_dilated_layer_leaves_gaps():
    stack = [receptive_field.LAYERS["convolution 3, dilation 2"]]
    image, _ = receptive_field.seen_by_middle(stack, 32)
    assert np.flatnonzero(image).tolist() == [14, 16, 18]


@pytest.mark.parametrize("name", activations.NAMES)
def test_slope_is_that_of_the_value(name):
    x, step = np.array([-3.05, -0.55, 0.45, 3.35, 7.15]), 1e-5
    (above, _), (below, _) = (
        activations.value_and_slope(name, x + change) for change in (step, -step)
    )
    _, slope = activations.value_and_slope(name, x)
    np.testing.assert_allclose(slope, (above - below) / (2 * step), atol=1e-6)


@pytest.mark.parametrize(
    ("schedule", "last"),
    [("constant", 1), ("halved three times", 1 / 8), ("cosine", 0), ("one-cycle", 0)],
)
def test_rate_rises_to_its_peak_and_falls_to_its_end(schedule, last):
    progress = np.linspace(0, 1, 101)
    values = schedules.rates(schedule, progress, peak=0.4, warm_up=0.1)
    assert (values[0], values[5], values[10]) == pytest.approx((0, 0.2, 0.4))
    assert values[-1] == pytest.approx(0.4 * last)
    assert (np.diff(values[10:]) <= 0).all()


def test_without_warm_up_the_first_step_is_the_largest():
    values = schedules.rates("cosine", np.linspace(0, 1, 11), peak=0.4, warm_up=0)
    assert values[0] == values.max() == pytest.approx(0.4)
