import gc
from types import SimpleNamespace

import keras
import keras_tuner
import numpy as np
import pytest
from search_toys import IMAGES, ORACLES, SET, Formula, Line

from cnnlab.search import oracles
from cnnlab.search.folder import read_trials
from cnnlab.search.hypermodel import ConvolutionalSpace, Ranges
from cnnlab.search.objectives import Budget
from cnnlab.search.tuners import Search

pytestmark = [
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
]


def failing(*bad):
    """An outcome that raises in the trials with these numbers."""
    count = iter(range(100))

    def outcome(x):
        if next(count) in bad:
            raise RuntimeError("no memory left")
        return x

    return outcome


# Failures


def test_a_failing_trial_is_recorded_and_the_search_goes_on(tmp_path, capsys):
    search = Formula(ORACLES["random"](), tmp_path / "x", outcome=failing(1)).go()
    trials = read_trials(search.folder)
    states = ["COMPLETED", "FAILED", "COMPLETED"]
    assert [trial["status"] for trial in trials] == states
    assert trials[1]["message"].endswith("RuntimeError: no memory left\n")
    captured = capsys.readouterr()
    assert "trial 2/3: failed, RuntimeError: no memory left  x 0." in captured.out
    assert captured.err == ""


def test_three_failures_in_a_row_end_it_and_the_last_is_tried_again(tmp_path):
    with pytest.raises(RuntimeError, match="no memory left"):
        Formula(ORACLES["random"](), tmp_path / "x", outcome=failing(0, 1, 2)).go()
    again = Formula(ORACLES["random"](), tmp_path / "x").go()
    assert again.ran == ["2"]


@pytest.mark.filterwarnings("ignore:All-NaN:RuntimeWarning")
def test_a_score_that_is_no_number_fails(tmp_path, capsys):
    outcomes = iter([float("nan"), 1, 2])
    search = Formula(
        ORACLES["random"](), tmp_path / "x", outcome=lambda x: next(outcomes)
    ).go()
    states = [trial["status"] for trial in read_trials(search.folder)]
    assert states == ["FAILED"] + 2 * ["COMPLETED"]
    assert "trial 1/3: failed, no score  x 0." in capsys.readouterr().out


# Progress


def test_every_trial_has_a_line_that_says_what_it_was(tmp_path, capsys):
    outcomes = iter(
        [0.5, {"score": 0.0, "diverged": 1.0}, {"score": -0.75, "cost": 4e6}]
    )
    hypermodel = Line()
    hypermodel.budget = Budget("products", 1e6, None)
    Formula(
        ORACLES["random"](), tmp_path / "x", hypermodel, lambda x: next(outcomes)
    ).go()
    lines = capsys.readouterr().out.replace("\r", "").splitlines()
    starts = [
        "trial 1/3: 0.500  x 0.",
        "trial 2/3: diverged  x 0.",
        "trial 3/3: over budget, 4e+06 products  x 0.",
    ]
    assert len(lines) == 3
    for line, start in zip(lines, starts):
        assert line.startswith(start)


def test_a_second_start_says_what_has_been_done(tmp_path, capsys):
    Formula(ORACLES["random"](), tmp_path / "x").go()
    capsys.readouterr()
    Formula(ORACLES["random"](), tmp_path / "x").go()
    expected = "The search goes on: 3 trials have ended already.\n"
    assert capsys.readouterr().out == expected


# Bad input


def test_another_space_gets_a_clear_error(tmp_path):
    Formula(ORACLES["random"](), tmp_path / "x").go()
    message = "x holds another search: .*Received: high 2.0 in place of 1.0"
    with pytest.raises(ValueError, match=message):
        Formula(ORACLES["random"](), tmp_path / "x", Line(2.0))


def test_another_strategy_gets_a_clear_error(tmp_path):
    Formula(ORACLES["Hyperband"](), tmp_path / "x").go()
    message = "; strategy 'RandomSearchOracle' in place of 'HyperbandOracle'"
    with pytest.raises(ValueError, match=message):
        Formula(ORACLES["random"](), tmp_path / "x")


def test_other_images_or_epochs_get_a_clear_error(tmp_path):
    Formula(ORACLES["random"](), tmp_path / "x").go()
    again = Formula(ORACLES["random"](), tmp_path / "x")
    with pytest.raises(ValueError, match="epochs 2 in place of 1"):
        again.search(SET, SET, epochs=2)
    with pytest.raises(ValueError, match="training images .* in place of"):
        again.search((IMAGES + 1, SET[1]), SET, epochs=1)


def test_an_oracle_of_kerastuner_itself_is_refused(tmp_path):
    oracle = keras_tuner.oracles.RandomSearchOracle("loss", seed=1)
    with pytest.raises(ValueError, match="must be one of cnnlab.search.oracles.*Rece"):
        Search(oracle, Line(), tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        (IMAGES[..., 0], SET[1]),
        (np.zeros((4, 3, 2, 1)), SET[1]),
        (IMAGES, SET[1][:3]),
        (IMAGES, np.eye(4)),
        (IMAGES[:0], SET[1][:0]),
    ],
)
def test_images_must_fit_the_space(wrong, tmp_path):
    search = Formula(ORACLES["random"](), tmp_path / "x")
    for sets in ((wrong, SET), (SET, wrong)):
        with pytest.raises(ValueError, match=r"images of shape \(2, 2, 1\).*Received"):
            search.search(*sets, epochs=1)
    assert search.ran == []


@pytest.mark.parametrize("wrong", [-1, 4])
def test_labels_must_be_classes_of_the_space(wrong, tmp_path):
    search = Formula(ORACLES["random"](), tmp_path / "x")
    message = "Labels must be class numbers below 4. Received: "
    with pytest.raises(ValueError, match=message):
        search.search(SET, (IMAGES, np.array([0, 1, 2, wrong])), epochs=1)


@pytest.mark.parametrize(
    ("kind", "epochs"), [("random", None), ("random", 0), ("Hyperband", 3)]
)
def test_epochs_are_passed_where_the_strategy_does_not_set_them(kind, epochs, tmp_path):
    search = Formula(ORACLES[kind](), tmp_path / "x")
    message = f"every strategy but Hyperband.*Received: epochs={epochs} with [RH]"
    with pytest.raises(ValueError, match=message):
        search.search(SET, SET, epochs=epochs)


def test_the_folder_of_a_search_may_be_the_one_where_one_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    search = Formula(ORACLES["random"](), ".").go()
    assert [trial["trial"] for trial in read_trials(tmp_path)] == [0, 1, 2]
    assert search.oracle.get_best_trials()


# Several processes


def test_what_one_process_began_a_chief_goes_on_with(tmp_path, monkeypatch):
    Formula(ORACLES["random"](), tmp_path / "x").go()
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    chief = Formula(ORACLES["random"](), tmp_path / "x")
    assert len(chief.oracle.trials) == 3


def test_a_process_that_waits_for_a_trial_pauses(tmp_path, monkeypatch):
    search = Formula(ORACLES["random"](), tmp_path / "x")
    pauses = []
    monkeypatch.setattr("cnnlab.search.tuners.time.sleep", pauses.append)
    search.pre_create_trial()
    assert pauses == []
    search.pre_create_trial()
    search.pre_create_trial()
    assert pauses == [0.5, 0.5]
    search.on_trial_begin(None)
    search.pre_create_trial()
    assert pauses == [0.5, 0.5]


# Networks of the space, whose training is a step into the same direction


@pytest.fixture
def _stepping(monkeypatch):
    def fit(model, images, labels, *, epochs, initial_epoch=0, callbacks, **options):
        callbacks = keras.callbacks.CallbackList(callbacks, model=model)
        logs = {"loss": 1.0, "val_loss": 1.0}
        for epoch in range(initial_epoch, epochs):
            model.optimizer.iterations.assign_add(1)
            logs["val_accuracy"] = float(keras.ops.mean(abs(model.weights[0])))
            callbacks.on_epoch_end(epoch, logs)
        history = {key: [value] for key, value in logs.items()}
        return SimpleNamespace(history=history)

    monkeypatch.setattr(keras.Model, "fit", fit)
    monkeypatch.setattr(gc, "collect", lambda: 0)  # KerasTuner's, twice a network


def space(budget=None):
    ranges = Ranges((1, 1), filters=(4, 8), filters_step=4, squeeze_excite=(False,))
    return ConvolutionalSpace((2, 2, 1), 4, ranges, budget)


@pytest.mark.usefixtures("_stepping")
def test_trials_keep_their_epochs_and_weights(tmp_path):
    oracle = oracles.RandomSearchOracle(seed=1, max_trials=1)
    search = Search(oracle, space(), tmp_path / "x")
    search.search(SET, SET, epochs=2)
    (trial,) = read_trials(search.folder)
    assert len(trial["epochs"]) == 2
    assert trial["epochs"][-1]["val_accuracy"] == trial["score"]
    (model,) = search.get_best_models()
    assert trial["score"] == pytest.approx(np.mean(abs(model.get_weights()[0])))


@pytest.mark.usefixtures("_stepping")
def test_a_trial_that_is_run_anew_begins_with_the_same_weights(tmp_path):
    scores = []
    for name in ("first", "second"):
        keras.utils.set_random_seed(len(scores))  # what went before does not matter
        oracle = oracles.RandomSearchOracle(seed=1, max_trials=2)
        Search(oracle, space(), tmp_path / name).search(SET, SET, epochs=1)
        scores.append([trial["score"] for trial in read_trials(tmp_path / name)])
    assert scores[0] == scores[1]


def test_every_trial_has_a_seed_of_its_own(tmp_path, monkeypatch):
    seeds = []
    monkeypatch.setattr(keras.utils, "set_random_seed", seeds.append)
    monkeypatch.setattr(keras_tuner.Hyperband, "run_trial", lambda *_, **__: 0.5)
    search = Formula(ORACLES["random"](), tmp_path / "x")
    search.run_trial = lambda *given, **options: Search.run_trial(search, *given)
    search.go()
    assert seeds == [1000, 1001, 1002]


@pytest.mark.usefixtures("_stepping")
def test_hyperband_goes_on_where_a_network_stood(tmp_path):
    oracle = oracles.HyperbandOracle(seed=1, max_epochs=2, factor=2)
    search = Search(oracle, space(), tmp_path / "x")
    search.search(SET, SET)
    (last,) = [x for x in read_trials(search.folder) if "tuner/trial_id" in x["values"]]
    assert len(last["epochs"]) == 1
    model = search.load_model(search.oracle.get_trial(f"{last['trial']:04}"))
    assert int(model.optimizer.iterations) == 2


@pytest.mark.usefixtures("_stepping")
def test_hyperband_survives_that_all_are_over_budget(tmp_path):
    budget = Budget("parameters", 10, lambda model: model.count_params())
    oracle = oracles.HyperbandOracle(seed=1, max_epochs=2, factor=2)
    search = Search(oracle, space(budget), tmp_path / "x")
    search.search(SET, SET)
    trials = read_trials(search.folder)
    assert {trial["status"] for trial in trials} == {"COMPLETED"}
    assert any("tuner/trial_id" in trial["values"] for trial in trials)
    for trial in trials:
        assert trial["score"] == pytest.approx(10 / trial["cost"] - 1)
        assert trial["epochs"] == []
