import pytest

from cnnlab import expect


@pytest.mark.parametrize(
    ("check", "bounds", "sentence"),
    [
        (expect.between, (0.5, 0.9), "accuracy lies between 0.5 and 0.9.\n"),
        (expect.at_least, (0.5,), "accuracy is at least 0.5.\n"),
        (expect.at_most, (0.9,), "accuracy is at most 0.9.\n"),
    ],
)
def test_sentence_holds_the_rule_and_not_the_value(check, bounds, sentence, capsys):
    for value in (0.71, 0.72):
        check("accuracy", value, *bounds)
        assert capsys.readouterr().out == sentence


@pytest.mark.parametrize("value", [0.5, 0.9])
def test_bounds_belong_to_the_range(value):
    expect.between("accuracy", value, 0.5, 0.9)
    expect.at_least("accuracy", value, value)
    expect.at_most("accuracy", value, value)


@pytest.mark.parametrize("value", [0.49, 0.91, float("nan"), float("inf")])
def test_value_outside_is_named_and_nothing_is_printed(value, capsys):
    with pytest.raises(AssertionError, match=rf"0\.9\. Received: {value:g}$"):
        expect.between("accuracy", value, 0.5, 0.9)
    assert capsys.readouterr().out == ""


def test_not_a_number_fails_every_check():
    for check in (expect.at_least, expect.at_most):
        with pytest.raises(AssertionError, match="Received: nan"):
            check("loss", float("nan"), 1)
