from types import SimpleNamespace

import pytest

from cnnlab.search.budget import WithinBudget


class Toy:
    """A model whose training is a given history."""

    def __init__(self, val_accuracy):
        self.val_accuracy, self.trainings = val_accuracy, 0

    def fit(self, *arguments, **options):
        self.trainings += 1
        return SimpleNamespace(history={"val_accuracy": self.val_accuracy})


def fit(model, cost, limit=100):
    return WithinBudget(build=None, cost=cost, limit=limit).fit(None, model)


def test_within_the_budget_the_accuracy_of_the_last_epoch_counts():
    model = Toy([0.75, 0.5])
    assert fit(model, lambda _: 100) == {"score": 0.5, "cost": 100}
    assert model.trainings == 1


@pytest.mark.parametrize(("cost", "score"), [(101, -0.01), (400, -3)])
def test_over_budget_nothing_is_trained_and_the_excess_is_the_penalty(cost, score):
    model = Toy([0.75])
    assert fit(model, lambda _: cost) == {"score": pytest.approx(score), "cost": cost}
    assert model.trainings == 0


def test_the_cost_is_asked_of_the_network_itself():
    model = Toy([0.75])
    fit(model, lambda asked: 0 if asked is model else 200)
    assert model.trainings == 1


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_a_limit_must_leave_something(limit):
    with pytest.raises(ValueError, match="`limit` must be greater than 0.*Received: "):
        WithinBudget(build=None, cost=None, limit=limit)
