"""What the table of tiny networks says, and the record of three strategies."""

import math
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import architecture_search
import record
import tiny_networks

from cnnlab.data import cifar10
from cnnlab.evaluate.classification import accuracy
from cnnlab.evaluate.cost import multiply_accumulates
from cnnlab.search.oracles import brackets
from cnnlab.search.tiny import architectures, tiny_cnn
from cnnlab.train.batches import split
from cnnlab.train.fit import train

SPACE = [" ".join(architecture) for architecture in architectures()]
TABLE = record.read(tiny_networks.NAME)
SEARCHES = record.read(architecture_search.NAME)


def column(name):
    """One number of every run, shape `(256, 2)`, or `(256, 2, epochs)`."""
    found = {(run["architecture"], run["seed"]): run[name] for run in TABLE["runs"]}
    return np.array([[found[name, seed] for seed in (0, 1)] for name in SPACE])


def expected_of_random_search(by_validation, quality, num_trials):
    """Mean quality of what random search keeps, in closed form."""
    order = np.argsort(by_validation, kind="stable")  # the best last
    ways = [math.comb(worse, num_trials - 1) for worse in range(len(order))]
    return np.dot(quality[order], ways) / math.comb(len(order), num_trials)


@pytest.mark.quick
def test_every_network_was_trained_with_both_seeds_at_the_stated_budget():
    runs = {(run["architecture"], run["seed"]) for run in TABLE["runs"]}
    assert len(TABLE["runs"]) == 512
    assert runs == {(name, seed) for name in SPACE for seed in tiny_networks.SEEDS}
    assert TABLE["budget"] == tiny_networks.BUDGET
    path = record.RECORDS / f"{tiny_networks.NAME}.json"
    assert path.stat().st_size < 2_000_000


@pytest.mark.quick
def test_costs_of_the_table_are_those_of_the_networks():
    for name in SPACE[::51]:
        model, cost = tiny_cnn(tuple(name.split())), TABLE["costs"][name]
        assert model.count_params() == cost["parameters"]
        assert multiply_accumulates(model) == cost["multiply_accumulates"]


@pytest.mark.quick
def test_names_of_one_network_have_one_result():
    halves = [name.split() for name in SPACE]
    layers = [
        tuple(tuple(o for o in half if o != "skip") for half in (n[:2], n[2:]))
        for n in halves
    ]
    assert len(set(layers)) == 169
    by_network = {}
    for network, result in zip(layers, column("test_accuracy").tolist(), strict=True):
        assert by_network.setdefault(network, result) == result


@pytest.mark.quick
def test_after_one_epoch_the_order_says_nothing_and_after_two_most():
    quality = column("test_accuracy").mean(1)
    ranks = [spearmanr(column("val_accuracy")[:, 0, e], quality)[0] for e in (0, 1, 3)]
    assert np.round(ranks, 2).tolist() == [-0.05, 0.71, 0.83]


@pytest.mark.quick
def test_size_ranks_better_than_the_score_that_needs_no_training():
    quality = column("test_accuracy").mean(1)
    size = [TABLE["costs"][name]["parameters"] for name in SPACE]
    score = column("activation_score")[:, 0]
    assert round(spearmanr(size, quality)[0], 2) == 0.90
    assert round(spearmanr(score, quality)[0], 2) == 0.37


@pytest.mark.quick
def test_random_search_in_closed_form_reaches_what_is_stated():
    quality = 100 * column("test_accuracy").mean(1)
    final = column("val_accuracy")[:, 0, -1]
    reached = expected_of_random_search(final, quality, 10)
    assert reached == pytest.approx(46.3, abs=0.2)  # what 300 drawn searches reached
    largest = np.argsort([-TABLE["costs"][n]["parameters"] for n in SPACE])[:10]
    assert round(quality[max(largest, key=final.__getitem__)], 1) == 47.8
    assert round(quality.max(), 1) == 48.2
    assert round(quality.mean(), 1) == 42.1


@pytest.mark.quick
def test_the_best_of_many_promises_more_than_it_keeps():
    val = 100 * column("val_accuracy")[:, :, -1]
    too_much = [
        np.mean(
            [
                expected_of_random_search(val[:, s], val[:, s] - val[:, 1 - s], num)
                for s in (0, 1)
            ]
        )
        for num in (1, 10, 100)
    ]
    np.testing.assert_allclose(too_much, [0, 0.9, 1.9], atol=0.25)


def test_one_recorded_network_comes_out_again():
    row = SPACE.index("pool separable skip convolution")
    again = tiny_networks.run(tuple(SPACE[row].split()), 0)["test_accuracy"]
    assert again == pytest.approx(column("test_accuracy")[row, 0], abs=0.03)


def searches(name):
    """The recorded runs of one strategy, or of one rate of the modern CNN."""
    return [run for run in SEARCHES["runs"] if run["name"] == name]


def told(values):
    """Mean and spread in percent, as the lesson prints them."""
    return record.stated(100 * np.array(values))


@pytest.mark.quick
def test_every_search_was_recorded_at_the_stated_budget():
    jobs = [(run["name"], run["seed"]) for run in SEARCHES["runs"]]
    assert jobs == architecture_search.JOBS
    assert SEARCHES["budget"] == architecture_search.BUDGET
    assert SEARCHES["combinations"] == architecture_search.space().count() == 374_400


@pytest.mark.quick
@pytest.mark.parametrize(
    ("name", "epochs"), [("random", 72), ("Bayesian", 72), ("Hyperband", 75)]
)
def test_every_search_spent_its_epochs_and_the_best_on_validation_won(name, epochs):
    plan = sum(brackets(9, 3), [])
    assert sum(num * (last - first) for num, first, last in plan) == 75
    for run in searches(name):
        curves = [trial["val_accuracy"] for trial in run["trials"]]
        assert sum(map(len, curves)) == epochs
        scores = [trial["score"] for trial in run["trials"]]
        np.testing.assert_allclose(scores, [curve[-1] for curve in curves], atol=1e-6)
        assert scores[run["winner"]] == max(scores)


@pytest.mark.quick
def test_the_first_trials_of_random_and_bayesian_search_are_the_same():
    for one, other in zip(searches("random"), searches("Bayesian"), strict=True):
        chosen = [[trial["values"] for trial in run["trials"]] for run in (one, other)]
        assert chosen[0][:3] == chosen[1][:3]
        assert chosen[0] != chosen[1]


@pytest.mark.quick
@pytest.mark.parametrize("name", architecture_search.STRATEGIES)
def test_costs_of_the_winners_are_those_of_the_networks(name):
    for run in searches(name):
        winner = run["trials"][run["winner"]]
        model = architecture_search.build(winner["values"])
        assert model.count_params() == winner["parameters"]
        assert multiply_accumulates(model) == winner["multiply_accumulates"]


@pytest.mark.quick
@pytest.mark.parametrize(
    ("name", "won", "test", "again"),
    [
        ("random", "48.1 ± 2.7", "47.3 ± 2.7", "46.9 ± 1.5"),
        ("Bayesian", "46.9 ± 3.0", "46.1 ± 2.8", "45.3 ± 3.5"),
        ("Hyperband", "46.2 ± 1.9", "44.5 ± 1.3", "44.7 ± 1.0"),
    ],
)
def test_winners_promise_keep_and_reach_again_what_is_stated(name, won, test, again):
    runs = searches(name)
    assert told([run["trials"][run["winner"]]["score"] for run in runs]) == won
    assert told([run["test_accuracy"] for run in runs]) == test
    means = [np.mean([a["test_accuracy"] for a in run["again"]]) for run in runs]
    assert told(means) == again


@pytest.mark.quick
def test_no_strategy_is_ahead_of_the_hand_by_more_than_a_design_varies():
    hand = [run["test_accuracy"] for run in searches("modern CNN, 0.001")]
    assert told(hand) == "45.4 ± 1.5"
    other = [run["test_accuracy"] for run in searches("modern CNN, 0.003")]
    assert told(other) == "42.3 ± 1.9"
    found = [
        [again["test_accuracy"] for again in run["again"]]
        for name in architecture_search.STRATEGIES
        for run in searches(name)
    ]
    spread = np.sqrt(np.var(found, axis=1, ddof=1).mean())
    assert f"{100 * spread:.1f}" == "4.0"
    assert max(np.mean(found[:3]), np.mean(found[3:6])) - np.mean(hand) < spread


@pytest.mark.quick
def test_all_winners_but_one_take_more_time_than_the_modern_cnn():
    times = SEARCHES["latency"]["milliseconds"]
    ratios = [
        times[architecture_search.architecture(run["trials"][run["winner"]]["values"])]
        / times["modern CNN"]
        for name in architecture_search.STRATEGIES
        for run in searches(name)
    ]
    assert sum(ratio < 1 for ratio in ratios) == 1
    assert f"{max(ratios):.1f}" == "4.6"


def test_a_winner_that_is_trained_again_learns_what_was_recorded():
    run = searches("random")[0]
    recorded, values = run["again"][0], run["trials"][run["winner"]]["values"]
    architecture_search.keras.utils.set_random_seed(recorded["seed"])
    model = architecture_search.build(values)
    again = architecture_search.fitted(model, recorded["seed"])["test_accuracy"]
    assert again == pytest.approx(recorded["test_accuracy"], abs=0.08)


@pytest.mark.parametrize("seed", range(5))
def test_running_statistics_hide_what_one_epoch_has_taught(seed):
    (images, labels), _, _ = cifar10.load("local", num_train=1_500, num_test=1)
    halved = images.reshape(-1, 16, 2, 16, 2, 3).mean((2, 4))
    train_set, (images_val, labels_val) = split(halved, labels, num_val=500)
    keras.utils.set_random_seed(seed)
    model = tiny_cnn(("convolution",) * 4)
    train(
        model, train_set, (images_val, labels_val), epochs=1, batch_size=32, name="one"
    )
    running, own = (
        accuracy(
            keras.ops.convert_to_numpy(model(images_val, training=own)), labels_val
        )
        for own in (False, True)
    )
    assert running < 0.22
    assert own > max(running, 0.2)
