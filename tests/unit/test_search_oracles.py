from pathlib import Path

import keras_tuner
import pytest
from search_toys import (
    ORACLES,
    Formula,
    end_before_file,
    ended,
    make_hasty,
    outcome,
)

from cnnlab.search import oracles
from cnnlab.search.folder import read_trials

pytestmark = [
    # KerasTuner asks for its thread as Python did before 3.10
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    make_hasty(monkeypatch.setattr)


class Killed(BaseException):
    """Ends a search as a kill does: nothing of it is handled."""


def kill():
    raise Killed


@pytest.mark.parametrize(("kind", "step"), list(zip(ORACLES, (1, 8, 8))))
def test_a_search_that_is_killed_at_any_time_ends_as_if_it_had_not_been(
    kind, step, tmp_path, monkeypatch
):
    """A trial writes 7 files; the claims' test kills a process before each of them."""
    with monkeypatch.context() as patch:
        written = end_before_file(None, kill, patch.setattr)
        whole = Formula(ORACLES[kind](), tmp_path / "whole").go()
    names = {"search.json", "training.json", "oracle.json", "trial.json", "report.json"}
    assert {Path(path).name for path in written} == names
    for number in range(len(written), 0, -step):
        place = tmp_path / str(number)
        with monkeypatch.context() as patch:
            end_before_file(number, kill, patch.setattr)
            with pytest.raises(Killed):
                Formula(ORACLES[kind](), place).go()
        before = ended(place)
        again = Formula(ORACLES[kind](), place).go()
        assert not {int(trial) for trial in again.ran} & before
        assert outcome(place) == outcome(whole.folder)
        assert sorted(again.oracle.end_order) == whole.oracle.end_order
        if number == len(written):
            assert len(before) == len(whole.ran)


@pytest.mark.parametrize("kind", ORACLES)
def test_a_search_that_is_over_has_nothing_left_to_do(kind, tmp_path):
    first = Formula(ORACLES[kind](), tmp_path / "x").go()
    assert len(first.ran) == len(set(first.ran)) > 0
    assert Formula(ORACLES[kind](), tmp_path / "x").go().ran == []


def test_a_search_can_be_made_longer(tmp_path):
    Formula(ORACLES["random"](), tmp_path / "x").go()
    longer = oracles.RandomSearchOracle(seed=1, max_trials=5)
    assert Formula(longer, tmp_path / "x").go().ran == ["3", "4"]


@pytest.mark.parametrize("kind", ORACLES)
def test_the_same_seed_proposes_the_same_networks(kind, tmp_path):
    first = Formula(ORACLES[kind](), tmp_path / "first").go()
    second = Formula(ORACLES[kind](), tmp_path / "second").go()
    assert outcome(first.folder) == outcome(second.folder)


def sizes(oracle, directory):
    """What an oracle proposes as size of the first of one to three blocks."""
    oracle._set_project_dir(directory, "x")
    found = set()
    for _ in range(20):
        choice = oracle.create_trial("tuner0").hyperparameters
        for number in range(choice.Int("blocks", 1, 3)):
            choice.Float(f"size_{number}", 0, 1)
        oracle.update_space(choice)
        oracle.ongoing_trials.clear()
        found.add(choice.get("size_0"))
    return found


@pytest.mark.parametrize("room", [oracles, keras_tuner.oracles])
def test_neighbouring_seeds_share_no_network_as_those_of_kerastuner_do(room, tmp_path):
    one, other = (
        sizes(room.RandomSearchOracle(seed=seed, max_trials=20), tmp_path / str(seed))
        for seed in (1, 2)
    )
    shared = (one & other) - {0}  # the first network of all is the default
    assert bool(shared) == (room is keras_tuner.oracles)


@pytest.mark.parametrize("seed", [0, None, -1])
def test_a_seed_must_be_positive_since_kerastuner_takes_zero_for_none(seed):
    assert keras_tuner.oracles.RandomSearchOracle("loss", seed=0).seed != 0
    with pytest.raises(ValueError, match=f"`seed` must be 1 or more.*seed={seed}"):
        oracles.RandomSearchOracle(seed=seed)


@pytest.mark.parametrize("number", [0, None])
def test_there_must_be_an_end_since_kerastuner_takes_zero_for_none(number):
    message = f"`max_trials` must be 1 or more.*max_trials={number}"
    with pytest.raises(ValueError, match=message):
        oracles.RandomSearchOracle(seed=1, max_trials=number)
    message = f"`hyperband_iterations` must be 1 or more.*iterations={number}"
    with pytest.raises(ValueError, match=message):
        oracles.HyperbandOracle(seed=1, hyperband_iterations=number)


def test_a_factor_of_halving_is_two_or_more():
    with pytest.raises(ValueError, match="factor"):
        oracles.brackets(9, factor=1)


def test_brackets_are_those_of_the_paper_but_for_their_sizes():
    # Li et al. 2018, table 1: 81, 27, 9, 3, 1 epochs; the last bracket has no halving
    plan = oracles.brackets(81)
    assert [[last for *_, last in rounds] for rounds in plan] == [
        [1, 3, 9, 27, 81],
        [3, 9, 27, 81],
        [9, 27, 81],
        [27, 81],
        [81],
    ]
    assert [trials for trials, *_ in plan[0]] == [81, 27, 9, 3, 1]


def test_brackets_are_what_hyperband_runs(tmp_path):
    search = Formula(oracles.HyperbandOracle(seed=1, max_epochs=9), tmp_path / "x").go()
    planned = sum(oracles.brackets(9), [])
    ran = [trial["values"] for trial in read_trials(search.folder)]
    epochs = [(v["tuner/initial_epoch"], v["tuner/epochs"]) for v in ran]
    for trials, first, last in planned:
        same = sum(n for n, *ends in planned if ends == [first, last])
        assert epochs.count((first, last)) == same >= trials
    assert sum(n * (last - first) for n, first, last in planned) == 75
