"""The explorer of attention: light follows the gates, and every knob acts."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")

from cnnlab.widgets import attention

RNG = np.random.default_rng(0)
IMAGES = RNG.random((3, 8, 8, 3))
CHANNELS = [RNG.random((3, 1, 1, 6)), RNG.random((3, 5))]  # two blocks
PLACES = [RNG.random((3, 8, 8, 1)), RNG.random((3, 4, 4))]


def build(channels=CHANNELS, places=PLACES):
    titles = ["cat", "dog", "cat"]
    return attention.attention_explorer(
        IMAGES, channels, places, titles, in_browser=True
    )


def test_an_open_place_keeps_its_light_and_a_shut_one_hardly_any():
    image, gates = np.ones((4, 6, 3)), np.array([[0.2, 0.7], [0.45, 0.2]])
    light = attention.lit(image, gates, 0.2, 0.7)
    dim = attention.DIMMEST
    np.testing.assert_allclose(light[:2, :3], dim)
    np.testing.assert_allclose(light[:2, 3:], 1)
    np.testing.assert_allclose(light[2:, :3], (1 + dim) / 2)
    np.testing.assert_allclose(light[2:, 3:], dim)


def test_gates_may_have_fewer_places_than_pixels_at_any_ratio():
    gates = np.arange(9.0).reshape(3, 3) / 8
    light = attention.lit(np.ones((7, 8, 3)), gates, 0, 1)
    assert light.shape == (7, 8, 3)
    assert np.unique(light).size == 9


def test_equal_gates_dim_an_image_evenly():
    light = attention.lit(np.ones((4, 4, 3)), np.full((2, 2), 0.5), 0.5, 0.5)
    assert np.unique(light).size == 1


def test_the_text_names_the_channel_that_differs_most():
    explorer = build()
    explorer.knobs["image"].value = "2 dog"
    gates = CHANNELS[0].reshape(3, 6)
    apart = gates[1] - gates.mean(0)
    most = np.argmax(abs(apart))
    text = explorer.draw().alternative_text
    assert f"number {most + 1} differs most" in text
    assert f"{gates[1, most]:.2f} instead of {gates.mean(0)[most]:.2f}" in text
    assert f"from {PLACES[0][1].min():.2f} to {PLACES[0][1].max():.2f}" in text


def test_each_block_shows_its_own_gates():
    explorer = build()
    explorer.knobs["block"].value = 2
    reach = f"from {PLACES[1][0].min():.2f} to {PLACES[1][0].max():.2f}"
    assert reach in explorer.draw().alternative_text


def test_images_of_one_title_can_be_told_apart():
    assert build().knobs["image"].options == ("1 cat", "2 dog", "3 cat")


def test_images_without_titles_are_numbered():
    explorer = attention.attention_explorer(IMAGES, CHANNELS, PLACES, in_browser=True)
    assert explorer.knobs["image"].options == ("1", "2", "3")


def test_one_block_needs_no_knob():
    assert list(build(CHANNELS[1:], PLACES[1:]).knobs) == ["image"]


def test_gates_that_are_all_equal_are_drawn_too():
    equal = build([np.full((3, 4), 0.5)], [np.full((3, 2, 2), 0.5)])
    assert "0.50 instead of 0.50" in equal.draw().alternative_text


@pytest.mark.parametrize(
    ("channels", "places", "received"),
    [
        (CHANNELS, PLACES[:1], r"2 and 1 arrays with \[3, 3, 3\] images"),
        (CHANNELS[:1], [PLACES[0][:2]], r"1 and 1 arrays with \[3, 2\] images"),
        ([], [], r"0 and 0 arrays with \[\] images"),
    ],
)
def test_every_block_has_both_gates_of_every_image(channels, places, received):
    with pytest.raises(ValueError, match=f"each with 3 images. Received: {received}"):
        build(channels, places)
