import numpy as np
import pytest

from cnnlab.search.tiny import architectures, neighbours, tiny_cnn


def test_the_space_has_as_many_architectures_as_counted_by_hand():
    found = architectures()
    assert len(found) == len(set(found)) == 4**4


def test_neighbours_differ_in_one_place():
    architecture = ("skip", "pool", "separable", "convolution")
    found = neighbours(architecture)
    assert len(found) == len(set(found)) == 4 * 3
    for other in found:
        assert other in architectures()
        assert sum(a != b for a, b in zip(architecture, other, strict=True)) == 1


@pytest.mark.parametrize(
    ("architecture", "parameters"),
    [
        # first convolution, 1x1 convolution, dense, each normalisation 4 a channel
        (("skip",) * 4, 27 * 16 + 64 + 16 * 32 + 128 + 330),
        (("pool",) * 4, 27 * 16 + 64 + 16 * 32 + 128 + 330),
        (("convolution", "skip", "skip", "skip"), 1466 + 9 * 16 * 16 + 64),
        (("skip", "skip", "skip", "separable"), 1466 + 9 * 32 + 32 * 32 + 128),
    ],
)
def test_parameters_are_those_of_the_operations(architecture, parameters):
    assert tiny_cnn(architecture).count_params() == parameters


def test_images_become_logits():
    model = tiny_cnn(("pool", "convolution", "separable", "skip"), (8, 8, 1), 3)
    assert model(np.zeros((2, 8, 8, 1), "float32")).shape == (2, 3)


@pytest.mark.parametrize(
    "architecture", [("skip",) * 3, ("skip", "skip", "skip", "attention")]
)
def test_architecture_must_be_of_the_space(architecture):
    with pytest.raises(ValueError, match="must be 4 names out of .*Received: "):
        tiny_cnn(architecture)
    with pytest.raises(ValueError, match="must be 4 names out of"):
        neighbours(architecture)
