"""The explorer computes what conv2d computes, and leaves a picture behind."""

import base64

import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")

from cnnlab.convolution.convolve import conv2d
from cnnlab.widgets import display
from cnnlab.widgets.convolution import convolution_explorer
from cnnlab.widgets.filters import FILTERS, KERNELS, filtered

VIEW = "application/vnd.jupyter.widget-view+json"
COLOURS = np.random.default_rng(0).random((100, 150, 3), dtype=np.float32)
IMAGE = COLOURS[..., 0]


@pytest.fixture
def explorer():
    return convolution_explorer(IMAGE, in_browser=True)


def test_without_a_browser_there_is_a_described_picture_and_no_widget():
    bundle, metadata = convolution_explorer(IMAGE)._repr_mimebundle_()
    assert sorted(bundle) == ["image/png", "text/plain"]
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert "vertical edges" in metadata["image/png"]["alt"]


def test_in_a_browser_the_picture_is_kept_beside_the_widget(explorer):
    bundle, metadata = explorer._repr_mimebundle_()
    assert sorted(bundle) == [VIEW, "image/png", "text/plain"]
    assert bundle[VIEW]["model_id"] == explorer.box.model_id
    assert metadata["image/png"]["alt"]


@pytest.mark.parametrize(
    ("metadata", "asked"), [({"cellId": "a1"}, True), ({}, False), (None, False)]
)
def test_a_browser_is_known_by_the_name_of_the_cell_it_runs(
    monkeypatch, metadata, asked
):
    class Shell:
        def get_parent(self):
            return {} if metadata is None else {"metadata": metadata}

    monkeypatch.setattr(display, "get_ipython", Shell)
    assert display.asked_by_a_browser() is asked
    monkeypatch.setattr(display, "get_ipython", lambda: None)
    assert not display.asked_by_a_browser()


@pytest.mark.parametrize("options", [(1, "valid", 1), (2, "same", 3), (3, "valid", 2)])
def test_filtered_map_is_that_of_conv2d_and_the_text_ends_with_its_size(options):
    kernel = np.arange(9.0).reshape(3, 3)
    outputs, text = filtered(IMAGE[..., None], kernel, *options)
    expected = conv2d(IMAGE[None, ..., None], kernel[..., None, None], *options)
    np.testing.assert_allclose(outputs, expected[0], rtol=1e-5)
    sizes = tuple(int(line.rsplit("= ")[-1]) for line in text.splitlines())
    assert sizes == (*outputs.shape[:2], 9)


def test_with_one_group_each_filter_mixes_the_colours():
    kernel = np.arange(9.0).reshape(3, 3)
    outputs, _ = filtered(COLOURS, kernel)
    alone = [filtered(COLOURS[..., [c]], kernel)[0][..., 0] for c in range(3)]
    red, green, blue = alone
    expected = np.stack([np.mean(alone, 0), red - blue, green - red], -1)
    np.testing.assert_allclose(outputs, expected, atol=1e-4)


def test_with_three_groups_each_filter_sees_one_colour():
    kernel = np.arange(9.0).reshape(3, 3)
    outputs, _ = filtered(COLOURS, kernel, groups=3)
    for c in range(3):
        alone, _ = filtered(COLOURS[..., [c]], kernel)
        np.testing.assert_allclose(outputs[..., [c]], alone, rtol=1e-5)


@pytest.mark.parametrize(("groups", "weights"), [(1, 81), (3, 27)])
def test_groups_save_weights(groups, weights):
    _, text = filtered(COLOURS, np.ones((3, 3)), groups=groups)
    assert text.endswith(f" = {weights}")
    assert len(FILTERS[3, groups]) == 3


@pytest.mark.parametrize("strides", [1, 2, 5])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("dilation_rate", [1, 4])
@pytest.mark.parametrize("groups", [1, 3])
def test_the_arithmetic_in_the_text_is_true(strides, padding, dilation_rate, groups):
    options = (strides, padding, dilation_rate, groups)
    _, text = filtered(COLOURS, np.ones((3, 3)), *options)
    for line in text.splitlines():
        _, formula, size = line.split(" = ")
        for word in ("zeros", "span", "stride", "channels seen", "filters"):
            formula = formula.replace(word, "")
        assert eval(formula) == int(size)


def test_every_knob_redraws(explorer):
    seen = {explorer.output.value}
    explorer.cells[4].value = 3.0
    seen.add(explorer.output.value)
    for knob, value in [("strides", 3), ("padding", "same"), ("dilation_rate", 2)]:
        getattr(explorer, knob).value = value
        seen.add(explorer.output.value)
    explorer.preset.value = "blur"
    assert len(seen | {explorer.output.value}) == 6
    assert [cell.value for cell in explorer.cells] == pytest.approx(
        np.ravel(KERNELS["blur"])
    )
    assert "34 x 50" in explorer.output.value


def test_a_kernel_too_large_for_the_image_is_said_not_raised():
    explorer = convolution_explorer(np.zeros((12, 12)), in_browser=True)
    explorer.dilation_rate.value = 6
    assert "a kernel that spans 13 pixels" in explorer.output.value


def test_every_knob_is_labelled_and_every_picture_described(explorer):
    knobs = [*explorer._knobs(), explorer.preset]
    assert all(knob.description for knob in knobs)
    assert explorer.output.value.count("<img alt=") == 2


def test_a_colour_image_has_groups_and_a_map_for_each_filter():
    explorer = convolution_explorer(COLOURS, in_browser=True)
    assert explorer.groups.options == (1, 3)
    for groups in (1, 3):
        explorer.groups.value = groups
        assert explorer.output.value.count("<img alt=") == 4
        assert f"filters = {81 // groups}<" in explorer.output.value
        assert all(
            f"{name}: 98 x 148" in explorer.output.value for name in FILTERS[3, groups]
        )
    assert explorer.groups in explorer._knobs()
    assert explorer.groups in explorer.box.children[2].children


def test_a_grey_image_has_no_groups_to_choose(explorer):
    assert explorer.groups not in explorer._knobs()


def test_a_colour_image_has_a_described_picture():
    bundle, _ = convolution_explorer(COLOURS)._repr_mimebundle_()
    assert "(grey, red - blue, green - red)" in bundle["text/plain"]


@pytest.mark.parametrize("shape", [(4,), (4, 4, 2), (1, 4, 4, 3)])
def test_the_image_must_be_grey_or_in_colour(shape):
    with pytest.raises(
        ValueError, match=r"\(H, W, 3\). Received: image.shape=\("
    ) as error:
        convolution_explorer(np.zeros(shape))
    assert str(error.value).endswith(str(shape))
