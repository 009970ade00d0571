"""What README and lesson 06 state, on real CIFAR-10."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import attention_ablation as script
import record

from cnnlab.evaluate.cost import count_parameters
from cnnlab.models.resnet import resnet_small


def percent(network, kind):
    """Test accuracies of one arm, in the order of the seeds."""
    runs = record.read(script.NAME)["runs"]
    chosen = [run for run in runs if (run["network"], run["kind"]) == (network, kind)]
    return 100 * np.array([run["test_accuracy"] for run in chosen])


def gained(network, kind, rival):
    """Points by which one arm is ahead of another, seed by seed."""
    return percent(network, kind) - percent(network, rival)


def costs(key):
    """Parameters or products by arm, as recorded."""
    rows = record.read(script.NAME)["costs"]
    return {(row["network"], row["kind"]): row[key] for row in rows}


def milliseconds(network, kind):
    """The fastest of the recorded rounds: other work can only add time."""
    rows = record.read(script.NAME)["latency"]["arms"]
    (row,) = [row for row in rows if (row["network"], row["kind"]) == (network, kind)]
    return min(row["milliseconds"])


@pytest.mark.quick
def test_every_arm_was_recorded_with_every_seed_at_the_stated_budget():
    content = record.read(script.NAME)
    runs = [script.identify(run) for run in content["runs"]]
    expected = [(*arm, seed) for seed in script.SEEDS for arm in script.ARMS]
    assert sorted(runs) == sorted(expected)
    assert content["budget"] == script.BUDGET
    assert (script.BUDGET["num_train"], script.BUDGET["epochs"]) == (20_000, 6)


@pytest.mark.quick
def test_the_images_are_those_of_the_record():
    *_, current = script.load()
    assert current.checksum == record.read(script.NAME)["checksum"]


@pytest.mark.quick
def test_the_recorded_costs_are_those_of_the_networks():
    assert script.costs() == record.read(script.NAME)["costs"]


@pytest.mark.quick
def test_gates_add_to_the_modern_network_what_is_stated():
    parameters, products = costs("parameters"), costs("multiply_accumulates")
    alone, with_se, with_cbam, wider = (
        np.array([table["modern CNN", kind] for table in (parameters, products)])
        for kind in ("alone", "SE", "CBAM", "wider")
    )
    assert (with_se - alone).tolist() == [11_032, 10_752]
    assert with_cbam[0] - alone[0] == 11_326
    assert np.round(100 * (with_se / alone - 1), 2).tolist() == [6.96, 0.04]
    assert round(100 * (with_cbam[1] / alone[1] - 1), 1) == 0.5
    assert round(2 * 7**2 * (32**2 + 16**2 + 8**2) / 10_752) == 12


@pytest.mark.quick
@pytest.mark.parametrize(
    ("network", "kind", "accuracy"),
    [
        ("modern CNN", "alone", "63.3 ± 0.2"),
        ("modern CNN", "SE", "62.9 ± 0.5"),
        ("modern CNN", "CBAM", "62.6 ± 0.6"),
        ("modern CNN", "wider", "64.4 ± 0.2"),
        ("ResNet-20", "alone", "63.9 ± 0.8"),
        ("ResNet-20", "SE", "65.6 ± 0.5"),
        ("ResNet-20", "CBAM", "64.1 ± 0.6"),
        ("ResNet-20", "wider", "64.3 ± 0.3"),
    ],
)
def test_each_arm_reaches_what_is_stated(network, kind, accuracy):
    assert record.stated(percent(network, kind)) == accuracy


@pytest.mark.quick
@pytest.mark.parametrize(
    ("network", "kind", "points"),
    [
        ("modern CNN", "SE", "-0.4 ± 0.6"),
        ("modern CNN", "CBAM", "-0.7 ± 0.5"),
        ("modern CNN", "wider", "+1.1 ± 0.3"),
        ("ResNet-20", "SE", "+1.7 ± 1.2"),
        ("ResNet-20", "CBAM", "+0.2 ± 0.8"),
        ("ResNet-20", "wider", "+0.4 ± 1.0"),
    ],
)
def test_each_change_is_the_stated_one(network, kind, points):
    assert record.stated(gained(network, kind, "alone"), "+") == points


@pytest.mark.quick
def test_in_the_modern_network_width_is_ahead_of_attention_with_every_seed():
    assert gained("modern CNN", "CBAM", "alone").max() < 0
    for rival in ("alone", "SE", "CBAM"):
        assert gained("modern CNN", "wider", rival).min() > 0


@pytest.mark.quick
def test_in_the_residual_network_se_is_ahead_with_every_seed():
    on_alone = gained("ResNet-20", "SE", "alone")
    assert [f"{points:.1f}" for points in on_alone] == ["0.3", "2.7", "2.1"]
    on_wider = gained("ResNet-20", "SE", "wider")
    assert record.stated(on_wider, "+") == "+1.3 ± 0.6"
    assert on_wider.min() > 0


@pytest.mark.quick
@pytest.mark.parametrize(
    ("network", "kind", "rival", "beyond"),
    [
        ("modern CNN", "SE", "alone", False),
        ("modern CNN", "CBAM", "alone", False),
        ("modern CNN", "wider", "alone", True),
        ("ResNet-20", "SE", "alone", False),
        ("ResNet-20", "CBAM", "alone", False),
        ("ResNet-20", "SE", "wider", True),
    ],
)
def test_changes_lie_within_or_beyond_twice_their_spread(network, kind, rival, beyond):
    points = gained(network, kind, rival)
    assert (abs(points.mean()) > 2 * points.std(ddof=1)) == beyond


@pytest.mark.quick
@pytest.mark.parametrize(
    ("network", "points"), [("modern CNN", "0.3 ± 0.9"), ("ResNet-20", "1.5 ± 1.1")]
)
def test_cbam_is_behind_se_within_twice_the_spread(network, points):
    behind = gained(network, "SE", "CBAM")
    assert record.stated(behind) == points
    assert behind.mean() < 2 * behind.std(ddof=1)


@pytest.mark.quick
def test_the_wider_networks_have_the_stated_filters():
    assert script.NETWORKS["modern CNN"][1] == (33, 67, 131)
    assert script.NETWORKS["ResNet-20"][1] == (16, 33, 65)


@pytest.mark.quick
def test_in_the_residual_network_cbam_is_behind_with_two_seeds_of_three():
    assert (gained("ResNet-20", "CBAM", "alone") < 0).sum() == 2


@pytest.mark.quick
@pytest.mark.parametrize("network", script.NETWORKS)
def test_means_lie_in_the_figure_where_the_lesson_sees_them(network):
    alone = percent(network, "alone")
    low, high = alone.mean() + np.array((-1, 1)) * alone.std(ddof=1)
    se, cbam, wider = (
        percent(network, kind).mean() for kind in script.KINDS if kind != "alone"
    )
    if network == "modern CNN":
        assert max(se, cbam) < low < high < wider
    else:
        assert low < min(cbam, wider) < max(cbam, wider) < high < se


@pytest.mark.quick
@pytest.mark.parametrize(
    ("network", "kind", "products", "times"),
    [
        ("modern CNN", "SE", "0", "1.1"),
        ("modern CNN", "CBAM", "0.5", "1.3"),
        ("modern CNN", "wider", "8", "1.1"),
        ("ResNet-20", "SE", "0", "1.2"),
        ("ResNet-20", "CBAM", "1.0", "1.5"),
        ("ResNet-20", "wider", "3", "1.2"),
    ],
)
def test_neither_parameters_nor_products_tell_the_time(network, kind, products, times):
    counts = costs("multiply_accumulates")
    more = 100 * (counts[network, kind] / counts[network, "alone"] - 1)
    slower = milliseconds(network, kind) / milliseconds(network, "alone")
    assert f"{more:.{1 if '.' in products else 0}f}" == products
    assert f"{slower:.1f}" == times


@pytest.mark.quick
def test_the_rounds_of_an_arm_differ_by_up_to_1_4_times():
    rows = record.read(script.NAME)["latency"]["arms"]
    ratios = [max(row["milliseconds"]) / min(row["milliseconds"]) for row in rows]
    assert f"{max(ratios):.1f}" == "1.4"


@pytest.mark.quick
def test_the_residual_network_has_three_times_as_many_gated_blocks():
    counts = []
    for build, _ in script.NETWORKS.values():
        seen = []
        build(attention=lambda x, seen=seen: seen.append(x) or x)
        counts.append(len(seen))
    assert counts == [3, 9]


@pytest.mark.quick
@pytest.mark.parametrize("network", script.NETWORKS)
def test_the_wider_network_has_the_parameters_of_the_one_with_cbam(network):
    parameters = costs("parameters")
    ratio = parameters[network, "wider"] / parameters[network, "CBAM"]
    assert ratio == pytest.approx(1, abs=0.002)


@pytest.mark.quick
@pytest.mark.parametrize(("blocks", "millions"), [(3, 0.27), (5, 0.46), (9, 0.85)])
def test_residual_networks_have_the_parameters_of_the_papers_table_6(blocks, millions):
    model = resnet_small(num_blocks=blocks)
    assert model.name == f"resnet_{6 * blocks + 2}"
    assert round(count_parameters(model)[0] / 1e6, 2) == millions


def test_a_recorded_arm_comes_out_again():
    again = script.run("modern CNN", "SE", 0)["test_accuracy"]
    values = percent("modern CNN", "SE") / 100
    tolerance = 3 * values.std(ddof=1) + 0.005
    assert again == pytest.approx(values.mean(), abs=tolerance)
