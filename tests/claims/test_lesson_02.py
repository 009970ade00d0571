"""A recorded arm of lesson 02 comes out again, on real CIFAR-10 and on Scenes."""

import pytest
from computed import percent

from cnnlab import records
from experiments.lesson_02 import modern_cnn_ablation as script


@pytest.mark.quick
def test_scenes_are_those_of_the_record():
    recorded = records.read("modern_cnn_ablation_scenes").checksum[0]
    assert script.load("scenes")[-1].checksum == recorded


@pytest.mark.data
@pytest.mark.parametrize(
    "arm",
    [pytest.param("simple CNN", marks=pytest.mark.quick), "no batch normalisation"],
)
def test_a_recorded_arm_comes_out_again(arm):
    name = "modern_cnn_ablation_cifar10"
    assert script.load("cifar10")[-1].checksum == records.read(name).checksum[0]
    again = 100 * script.run("cifar10", arm, 0)["test_accuracy"]
    values = percent(name, arm=arm)
    tolerance = 3 * values.std(ddof=1) + 0.5
    assert again == pytest.approx(values.mean(), abs=tolerance)
