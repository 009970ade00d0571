import pytest
from search_toys import Hyperband

from cnnlab.search.hyperband import brackets


def test_brackets_are_those_of_the_paper_but_for_their_sizes():
    # Li et al. 2018, table 1: 81, 27, 9, 3, 1 epochs; the last bracket has no halving
    plan = brackets(81)
    assert [[last for *_, last in rounds] for rounds in plan] == [
        [1, 3, 9, 27, 81],
        [3, 9, 27, 81],
        [9, 27, 81],
        [27, 81],
        [81],
    ]
    assert [trials for trials, *_ in plan[0]] == [81, 27, 9, 3, 1]


# KerasTuner asks for its thread as Python did before 3.10
@pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:getName:DeprecationWarning")
@pytest.mark.parametrize(("max_epochs", "factor"), [(9, 3), (10, 2), (1, 3)])
def test_brackets_are_what_hyperband_runs(max_epochs, factor, tmp_path):
    options = {"max_epochs": max_epochs, "factor": factor, "directory": tmp_path}
    tuner = Hyperband(seed=1, **options)
    tuner.search(verbose=0)
    first, last = tuner.values("tuner/initial_epoch"), tuner.values("tuner/epochs")
    rounds = sum(brackets(max_epochs, factor), [])
    planned = [ends for trials, *ends in rounds for _ in range(trials)]
    assert sorted(map(list, zip(first, last))) == sorted(planned)


def test_an_iteration_of_nine_epochs_costs_75():
    rounds = sum(brackets(9), [])
    assert sum(trials * (last - first) for trials, first, last in rounds) == 75


@pytest.mark.parametrize(("max_epochs", "factor"), [(9, 1), (0, 3)])
def test_there_must_be_epochs_and_a_factor(max_epochs, factor):
    with pytest.raises(ValueError, match="`factor` 2 or more. Received: max_epochs="):
        brackets(max_epochs, factor)
