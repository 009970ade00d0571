"""What lesson 09 promises of KerasTuner, and the package's hypermodels in it."""

import functools
import json
import os
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import keras_tuner
import numpy as np
import pytest
import tensorflow as tf
from search_toys import Random

from cnnlab.search.budget import OBJECTIVE, WithinBudget
from cnnlab.search.hypermodel import build

pytestmark = [
    # KerasTuner asks for its thread as Python did before 3.10
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
]
SECONDS = 120  # after which a process of a search ends itself, whatever happens
SCRIPT = """
import os, sys, threading, time
from pathlib import Path
from search_toys import Random

directory, free, seconds = sys.argv[1:]
alarm = threading.Timer(float(seconds), os._exit, [1])
alarm.daemon = True
alarm.start()
runs = 0

def trial(hp):
    global runs
    runs += 1
    print("runs", flush=True)
    while runs > int(free) and not Path(directory, "go").exists():
        time.sleep(0.05)
    return hp.Float("x", 0.0, 1.0)

Random(trial=trial, max_trials=8, seed=1, directory=directory).search(verbose=0)
"""


# Processes


@pytest.fixture
def start():
    """Starts a process that searches; none of them outlives the test."""
    started = []

    def start(directory, free=0, **environment):
        """Its first `free` trials run at once, the others wait for the file `go`."""
        search = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *map(str, (directory, free, SECONDS))],
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "KERAS_BACKEND": "numpy",  # starts in a few seconds
                "PYTHONPATH": str(Path(__file__).parent),
                **environment,
            },
            text=True,
        )
        started.append(search)
        return search

    yield start
    for search in started:
        search.kill()
        search.wait()
        search.stdout.close()


def wait_for_run(search, number):
    """Reads what a process says until it runs its trial of this number, from 1."""
    while number:
        line = search.stdout.readline()
        assert line, "the process has ended"
        number -= line == "runs\n"


def statuses(directory):
    files = Path(directory).glob("untitled_project/trial_*/trial.json")
    return Counter(json.loads(file.read_text())["status"] for file in files)


def test_a_search_that_is_killed_goes_on_and_repeats_no_finished_trial(tmp_path, start):
    killed = start(tmp_path, free=2)
    wait_for_run(killed, 3)
    killed.kill()
    killed.wait()
    assert statuses(tmp_path) == {"COMPLETED": 2, "RUNNING": 1}
    Path(tmp_path, "go").touch()
    said, _ = start(tmp_path).communicate()
    assert said.count("runs\n") == 6
    assert statuses(tmp_path) == {"COMPLETED": 8}


def test_a_chief_and_two_workers_share_the_trials(tmp_path, start):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = {
            "KERASTUNER_ORACLE_IP": "127.0.0.1",
            "KERASTUNER_ORACLE_PORT": str(probe.getsockname()[1]),
        }
    chief, *workers = [
        start(tmp_path, KERASTUNER_TUNER_ID=name, **address)
        for name in ("chief", "tuner0", "tuner1")
    ]
    for worker in workers:
        wait_for_run(worker, 1)
    assert statuses(tmp_path) == {"RUNNING": 2}
    Path(tmp_path, "go").touch()
    runs = [worker.communicate()[0].count("runs\n") for worker in workers]
    assert sum(runs) == 8 - 2  # the first two have been read
    assert "runs\n" not in chief.communicate()[0]  # it ends up to 20 s after them
    assert [each.returncode for each in (chief, *workers)] == [0, 0, 0]
    assert statuses(tmp_path) == {"COMPLETED": 8}


# Trials that fail


def failing(*bad):
    """A trial that raises in the runs of these numbers, from 0."""
    runs = iter(range(100))

    def trial(hp):
        x = hp.Float("x", 0.0, 1.0)
        if next(runs) in bad:
            raise MemoryError("no room left")
        return x

    return trial


def search(directory, trial, **options):
    tuner = Random(trial=trial, max_trials=4, seed=1, directory=directory, **options)
    tuner.search(verbose=0)
    return tuner, [trial.status for trial in tuner.oracle.trials.values()]


def test_a_failing_trial_is_kept_with_its_message_and_the_search_goes_on(tmp_path):
    tuner, found = search(tmp_path, failing(1))
    assert found == ["COMPLETED", "FAILED", "COMPLETED", "COMPLETED"]
    assert "MemoryError: no room left" in tuner.oracle.trials["1"].message


def test_a_failing_trial_is_tried_again_as_often_as_is_asked(tmp_path):
    tuner, found = search(tmp_path, failing(1, 2), max_retries_per_trial=2)
    assert tuner.ran == ["0", "1", "1", "1", "2", "3"]
    assert found == 4 * ["COMPLETED"]


@pytest.mark.parametrize(("limit", "ends"), [(2, True), (3, False)])
def test_failures_in_a_row_end_a_search_from_the_number_that_is_set(
    limit, ends, tmp_path
):
    options = {"max_consecutive_failed_trials": limit}
    if ends:
        with pytest.raises(RuntimeError, match="(?s)exceeded the limit of 2.*no room"):
            search(tmp_path, failing(0, 1), **options)
    else:
        _, found = search(tmp_path, failing(0, 1), **options)
        assert found == 2 * ["FAILED"] + 2 * ["COMPLETED"]


@pytest.mark.filterwarnings("ignore:All-NaN:RuntimeWarning")
def test_a_score_that_is_no_number_is_a_failure(tmp_path):
    scores = iter([float("nan"), 1.0, 2.0, 3.0])
    _, found = search(tmp_path, lambda hp: hp.Float("x", 0, 1) * 0 + next(scores))
    assert found == ["FAILED"] + 3 * ["COMPLETED"]


# Networks

space = functools.partial(
    build,
    input_shape=(4, 4, 1),
    num_classes=2,
    blocks=(1, 1),
    filters=(4, 64),
    filters_step=60,  # narrow or wide
)


def test_a_search_within_a_budget_trains_on_a_dataset_and_returns_its_best(tmp_path):
    """Training data may be whatever `fit` takes: here a dataset of TensorFlow."""
    labels = np.arange(32) % 2
    images = np.ones((32, 4, 4, 1), "float32") * labels[:, None, None, None]
    dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(16)
    tuner = keras_tuner.RandomSearch(
        WithinBudget(space, cost=lambda model: model.count_params(), limit=500),
        objective=OBJECTIVE,
        max_trials=4,
        seed=1_000_000,
        directory=tmp_path,
    )
    tuner.search(dataset, validation_data=dataset, epochs=2, shuffle=False, verbose=0)
    trials = tuner.oracle.trials.values()
    for trial in trials:
        narrow = trial.hyperparameters.get("filters_1") == 4
        assert (trial.score >= 0) == narrow
        assert (trial.metrics.get_last_value("cost") <= 500) == narrow
    assert {trial.score >= 0 for trial in trials} == {False, True}
    _, accuracy = tuner.get_best_models()[0].evaluate(dataset, verbose=0)
    assert accuracy == pytest.approx(tuner.oracle.get_best_trials()[0].score)
