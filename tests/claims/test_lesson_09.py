"""What the table of 256 tiny networks says; one of them comes out again."""

import math

import keras
import numpy as np
import pytest
from scipy.stats import spearmanr

from cnnlab import records
from cnnlab.data import cifar10
from cnnlab.evaluate.classification import accuracy
from cnnlab.evaluate.cost import multiply_accumulates
from cnnlab.search.tiny import architectures, tiny_cnn
from cnnlab.train.batches import split
from cnnlab.train.fit import train
from experiments.lesson_20 import tiny_networks

SPACE = [" ".join(architecture) for architecture in architectures()]
COSTS = records.read("tiny_networks", kind="cost").set_index("arm").loc[SPACE]


def column(name):
    """One number of every run, shape `(256, 2)`, or `(256, 2, epochs)`."""
    table = records.read("tiny_networks")
    found = table.pivot(index="arm", columns="seed", values=name).loc[SPACE]
    return np.array(found.to_numpy().tolist())


def expected_of_random_search(by_validation, quality, num_trials):
    """Mean quality of what random search keeps, in closed form."""
    order = np.argsort(by_validation, kind="stable")  # the best last
    ways = [math.comb(worse, num_trials - 1) for worse in range(len(order))]
    return np.dot(quality[order], ways) / math.comb(len(order), num_trials)


@pytest.mark.quick
def test_costs_of_the_table_are_those_of_the_networks():
    for name in SPACE[::51]:
        model, cost = tiny_cnn(tuple(name.split())), COSTS.loc[name]
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
    ranks = [
        spearmanr(column("history_val_accuracy")[:, 0, e], quality)[0]
        for e in (0, 1, 3)
    ]
    assert np.round(ranks, 2).tolist() == [-0.05, 0.71, 0.83]


@pytest.mark.quick
def test_size_ranks_better_than_the_score_that_needs_no_training():
    quality = column("test_accuracy").mean(1)
    size = COSTS.parameters
    score = column("activation_score")[:, 0]
    assert round(spearmanr(size, quality)[0], 2) == 0.90
    assert round(spearmanr(score, quality)[0], 2) == 0.37


@pytest.mark.quick
def test_random_search_in_closed_form_reaches_what_is_stated():
    quality = 100 * column("test_accuracy").mean(1)
    final = column("history_val_accuracy")[:, 0, -1]
    reached = expected_of_random_search(final, quality, 10)
    assert reached == pytest.approx(46.3, abs=0.2)  # what 300 drawn searches reached
    largest = np.argsort(-COSTS.parameters.to_numpy(), kind="stable")[:10]
    assert round(quality[max(largest, key=final.__getitem__)], 1) == 47.8
    assert round(quality.max(), 1) == 48.2
    assert round(quality.mean(), 1) == 42.1


@pytest.mark.quick
def test_the_best_of_many_promises_more_than_it_keeps():
    val = 100 * column("history_val_accuracy")[:, :, -1]
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


@pytest.mark.data
def test_one_recorded_network_comes_out_again():
    row = SPACE.index("pool separable skip convolution")
    again = tiny_networks.run(SPACE[row], 0)["test_accuracy"]
    assert again == pytest.approx(column("test_accuracy")[row, 0], abs=0.03)


@pytest.mark.data
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
