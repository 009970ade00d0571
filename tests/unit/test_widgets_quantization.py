"""The explorer of quantisation rounds as the field does, and every knob acts."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")

from cnnlab.widgets import quantization

RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(32, 4)) * [1.0, 1.0, 1.0, 0.1]  # (C, units), one quiet
BIAS = RNG.normal(size=4)
FEATURES = RNG.normal(size=(50, 32))
CLASSES = ["cat", "dog", "<b>", "ship"]


def build():
    build = quantization.quantization_explorer
    return build(WEIGHTS, BIAS, FEATURES, CLASSES, in_browser=True)


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("per_unit", [False, True])
def test_rounded_weights_are_whole_steps_and_none_moves_by_more_than_half(
    bits, per_unit
):
    values = quantization.rounded(WEIGHTS, bits, per_unit)
    steps = 2 ** (bits - 1) - 1
    largest = abs(WEIGHTS).max(0) if per_unit else abs(WEIGHTS).max()
    integers = values / (largest / steps)
    np.testing.assert_allclose(integers, np.round(integers), atol=1e-9)
    assert abs(integers).max() == pytest.approx(steps)
    assert (abs(values - WEIGHTS) <= largest / steps / 2 + 1e-12).all()


def test_two_bits_per_tensor_silence_a_quiet_unit_and_its_own_scale_saves_it():
    assert not quantization.rounded(WEIGHTS, 2)[:, 3].any()
    assert quantization.rounded(WEIGHTS, 2, per_unit=True)[:, 3].any()


def test_weights_that_are_all_zero_stay_zero():
    assert not quantization.rounded(np.zeros((3, 2)), 4, per_unit=True).any()


def test_lead_is_the_distance_to_the_second():
    assert quantization.lead(np.array([[1, 5, 3], [7, 0, 7]])).tolist() == [2, 0]


def test_error_is_a_share_of_the_originals():
    originals = np.array([[3.0, 1.0], [4.0, 0.0]])
    values = np.array([[3.0, 0.0], [3.0, 0.0]])
    np.testing.assert_allclose(
        quantization.error(values, originals, axis=0), [1 / 5, 1]
    )


def test_the_text_counts_the_decisions_that_stay():
    explorer = build()
    explorer.knobs["bits"].value = 2
    values = quantization.rounded(WEIGHTS, 2)
    before, after = (FEATURES @ w + BIAS for w in (WEIGHTS, values))
    share = np.mean(before.argmax(1) == after.argmax(1))
    assert 0 < share < 1
    text = explorer.draw().alternative_text
    assert f"Of all examples, {share:.1%} keep" in text
    assert f"are off by {quantization.error(values, WEIGHTS):.1%}" in text


def test_the_first_example_has_the_narrowest_lead_and_the_last_the_widest():
    explorer = build()
    leads = np.sort(FEATURES @ WEIGHTS + BIAS)
    chosen = (leads[:, -1] - leads[:, -2]).argsort()[[0, -1]]
    for number, row in zip((1, 50), chosen, strict=True):
        explorer.knobs["example"].value = number
        name = CLASSES[np.argmax(FEATURES[row] @ WEIGHTS + BIAS)]
        assert f"first: {name} " in explorer.draw().alternative_text


def test_a_name_of_a_class_is_text_and_not_markup():
    explorer = build()
    for number in range(1, 51):  # until an example is taken for that class
        explorer.knobs["example"].value = number
        assert "<b>" not in explorer.output.value
        if "&lt;b&gt;" in explorer.output.value:
            return
    pytest.fail("No example was taken for the class.")


def test_shapes_must_fit():
    with pytest.raises(ValueError, match=r"Received: \(32, 4\), \(3,\), \(50, 32\)"):
        quantization.quantization_explorer(WEIGHTS, BIAS[:3], FEATURES)


def test_every_unit_has_a_name():
    with pytest.raises(ValueError, match="Received: 2 names for 4 units"):
        quantization.quantization_explorer(WEIGHTS, BIAS, FEATURES, ["a", "b"])
