"""What the networks of lesson 06 cost, and a recorded arm that comes out again."""

import pytest
from computed import percent

from cnnlab import records
from cnnlab.evaluate.cost import count_parameters
from cnnlab.models.resnet import resnet_small
from experiments.lesson_06 import attention_ablation as script


@pytest.mark.data
@pytest.mark.quick
def test_the_images_are_those_of_the_record():
    recorded = records.read("attention_ablation").checksum[0]
    assert script.load()[-1].checksum == recorded


@pytest.mark.quick
def test_the_recorded_costs_are_those_of_the_networks():
    recorded = records.read("attention_ablation", kind="cost")
    for row in script.costs():
        same = (recorded.network == row["network"]) & (recorded.arm == row["arm"])
        found = recorded[same].iloc[0]
        assert {key: found[key] for key in row} == row


@pytest.mark.quick
def test_the_residual_network_has_three_times_as_many_gated_blocks():
    counts = []
    for build, _ in script.NETWORKS.values():
        seen = []
        build(attention=lambda x, seen=seen: seen.append(x) or x)
        counts.append(len(seen))
    assert counts == [3, 9]


@pytest.mark.quick
@pytest.mark.parametrize(("blocks", "millions"), [(3, 0.27), (5, 0.46), (9, 0.85)])
def test_residual_networks_have_the_parameters_of_the_papers_table_6(blocks, millions):
    model = resnet_small(num_blocks=blocks)
    assert model.name == f"resnet_{6 * blocks + 2}"
    assert round(count_parameters(model)[0] / 1e6, 2) == millions


@pytest.mark.data
def test_a_recorded_arm_comes_out_again():
    again = 100 * script.run("modern CNN", "SE", 0)["test_accuracy"]
    values = percent("attention_ablation", network="modern CNN", arm="SE")
    tolerance = 3 * values.std(ddof=1) + 0.5
    assert again == pytest.approx(values.mean(), abs=tolerance)
