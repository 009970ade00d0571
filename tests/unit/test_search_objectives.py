import math
from types import SimpleNamespace

import keras
import pytest

from cnnlab.search.objectives import Budget, score


class Toy(keras.Model):
    """A network whose training is a given history."""

    def __init__(self, **history):
        super().__init__()
        self.told, self.trained = history, 0

    def fit(self, *arguments, callbacks, **options):
        self.trained += 1
        self.callbacks_of_fit = callbacks
        return SimpleNamespace(history=self.told)


class Keeps(keras.callbacks.Callback):
    """Counts how often KerasTuner would keep the weights."""

    kept = 0

    def on_epoch_end(self, epoch, logs=None):
        self.kept += 1


GOOD = {"loss": [2.0, 1.0], "val_loss": [2.0, 1.5], "val_accuracy": [0.75, 0.5]}


def test_the_last_epoch_counts_not_the_best():
    assert score(Toy(**GOOD), None) == {"score": 0.5}


def test_within_the_budget_accuracy_alone_counts():
    budget = Budget("products", 100, lambda model: 100)
    assert score(Toy(**GOOD), budget) == {"score": 0.5, "cost": 100}


def test_over_budget_nothing_is_trained_and_the_weights_are_kept():
    model, keeps = Toy(**GOOD), Keeps()
    found = score(model, Budget("products", 100, lambda _: 400), callbacks=[keeps])
    assert found == {"score": 100 / 400 - 1, "cost": 400}
    assert (model.trained, keeps.kept) == (0, 1)


def test_a_cost_that_is_no_number_keeps_to_no_budget():
    model = Toy(**GOOD)
    found = score(model, Budget("milliseconds", 1, lambda _: math.nan))
    assert math.isnan(found["score"])
    assert model.trained == 0


def test_the_budget_asks_about_the_network_itself():
    model = Toy(**GOOD)
    score(model, Budget("self", 1, lambda asked: 0 if asked is model else 2))
    assert model.trained == 1


@pytest.mark.parametrize("broken", ["loss", "val_loss"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_network_that_diverged_scores_nothing(broken, value):
    history = {**GOOD, broken: [2.0, value]}
    assert score(Toy(**history), None) == {"score": 0.0, "diverged": 1.0}


@pytest.mark.parametrize(("loss", "stops"), [(1.0, False), (float("nan"), True)])
def test_training_ends_when_the_loss_is_no_number(loss, stops):
    model, keeps = Toy(**GOOD), Keeps()
    score(model, None, callbacks=[keeps])
    first, watch = model.callbacks_of_fit
    assert first is keeps
    watch.set_model(model)
    model.stop_training = False
    watch.on_epoch_end(0, {"loss": loss})
    assert model.stop_training == stops
