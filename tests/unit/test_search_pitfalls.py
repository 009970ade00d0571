import keras_tuner
import pytest
from search_toys import Hyperband, Random

from cnnlab.search.pitfalls import report_exhausted_space, spaced_seeds

pytestmark = [
    # KerasTuner asks for its thread as Python did before 3.10
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
]


def shared(seeds, directory):
    """How many of 20 random draws two searches have in common."""
    drawn = []
    for seed in seeds:
        options = {"directory": directory, "project_name": str(seed)}
        tuner = Random(max_trials=20, seed=seed, **options)
        tuner.search(verbose=0)
        drawn.append(set(tuner.values("x")[1:]))  # the first is the default
    return len(drawn[0] & drawn[1])


def test_neighbouring_seeds_propose_the_same_networks_and_spaced_ones_do_not(tmp_path):
    assert shared((1, 2), tmp_path) >= 17
    assert shared(spaced_seeds(2), tmp_path) == 0


def test_seeds_are_positive_since_kerastuner_takes_zero_for_none():
    assert spaced_seeds(3) == [1_000_000, 2_000_000, 3_000_000]
    assert keras_tuner.oracles.RandomSearchOracle("loss", seed=0).seed != 0


def choice(hp):
    return float(hp.Choice("size", [1, 2, 3]))


def test_a_search_that_has_exhausted_its_space_says_so(tmp_path, capsys):
    tuner = Random(space=choice, max_trials=6, seed=1, directory=tmp_path)
    tuner.search(verbose=0)
    assert sorted(tuner.values("size")) == [1, 2, 3]
    report_exhausted_space(tuner)
    assert "The search ended after 3 of 6 trials: " in capsys.readouterr().out


@pytest.mark.parametrize("kind", [Random, Hyperband])
def test_a_search_that_tried_all_it_was_to_says_nothing(kind, tmp_path, capsys):
    most = {"max_trials": 3} if kind is Random else {"max_epochs": 2}
    tuner = kind(seed=1, directory=tmp_path, **most)
    tuner.search(verbose=0)
    report_exhausted_space(tuner)
    assert capsys.readouterr().out == ""
