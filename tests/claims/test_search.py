"""A search outlives its processes, and several processes share one."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from cnnlab.search import folder

pytestmark = pytest.mark.quick
TOYS = Path(__file__).parents[1] / "unit"
FORMULA = """
import sys, time
sys.path.insert(0, sys.argv[2])
from cnnlab.search import oracles
from search_toys import Formula

def outcome(x):
    print("runs", flush=True)
    time.sleep(float(sys.argv[3]))
    return x

oracle = oracles.RandomSearchOracle(seed=1, max_trials=8)
Formula(oracle, sys.argv[1], outcome=outcome).go()
"""
KILLS = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import search_toys

def forked(work):
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def kill_itself():
    os.kill(os.getpid(), signal.SIGKILL)

def begin_and_be_killed():
    search_toys.end_before_file(number, kill_itself)
    make().go()

def go_on():
    assert before.isdisjoint(map(int, make().go().ran))

search_toys.make_hasty()
for kind, oracle in search_toys.ORACLES.items():
    place = Path(sys.argv[1], kind, "whole")
    make = lambda: search_toys.Formula(oracle(), place)
    written = search_toys.end_before_file(None, kill_itself)
    make().go()
    whole = search_toys.outcome(place)
    for number in range(1, len(written) + 1):
        place = Path(sys.argv[1], kind, str(number))
        assert forked(begin_and_be_killed) == -signal.SIGKILL
        before = search_toys.ended(place)
        assert forked(go_on) == 0
        assert search_toys.outcome(place) == whole
    print(kind, len(written))
"""
TRAINING = """
import sys
from cnnlab.start import quiet_start
quiet_start()
import numpy as np
from cnnlab.search.hypermodel import ConvolutionalSpace, Ranges
from cnnlab.search.oracles import RandomSearchOracle
from cnnlab.search.tuners import Search

random = np.random.default_rng(0)
images, labels = random.random((64, 4, 4, 1), "float32"), np.arange(64) % 4
ranges = Ranges(blocks=(1, 2), filters=(4, 8), filters_step=4)
space = ConvolutionalSpace((4, 4, 1), 4, ranges)
search = Search(RandomSearchOracle(seed=1, max_trials=3), space, sys.argv[1])
search.search((images, labels), (images, labels), epochs=15, batch_size=16)
"""


def start(code, *arguments, **environment):
    """Starts a process, whose lines can be read as they come."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        env={**os.environ, "TF_NUM_INTRAOP_THREADS": "1", **environment},
        text=True,
    )


def read_until(process, text):
    """Reads what a process says up to a text; returns it."""
    said = ""
    while text not in said:
        letter = process.stdout.read(1)
        assert letter, f"it ended and did not say {text!r}: {said}"
        said += letter
    return said


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def ended(place):
    trials = folder.read_trials(place)
    return {x["trial"] for x in trials if x["status"] in folder.ENDED}


def statuses(place):
    return Counter(trial["status"] for trial in folder.read_trials(place))


def test_a_training_that_is_killed_goes_on_and_repeats_no_finished_trial(tmp_path):
    place = tmp_path / "search"
    first = start(TRAINING, place)
    read_until(first, "trial 2/3: epoch 3")
    kill(first)
    assert ended(place) == {0}
    second = start(TRAINING, place)
    said, _ = second.communicate()
    assert "The search goes on: 1 trials have ended already." in said
    assert set(re.findall(r"trial (\d)/3", said)) == {"2", "3"}
    assert statuses(place) == {"COMPLETED": 3}
    assert all(len(trial["epochs"]) == 15 for trial in folder.read_trials(place))


def test_a_search_may_be_killed_before_any_of_its_files_is_written(tmp_path):
    process = start(KILLS, tmp_path, TOYS, KERAS_BACKEND="numpy")
    said, _ = process.communicate()
    killed = dict(re.findall(r"^(\w+) (\d+)$", said, re.MULTILINE))
    assert process.returncode == 0
    assert killed.keys() == {"random", "Bayesian", "Hyperband"}
    assert min(map(int, killed.values())) > 3 * 6  # three trials of six files or more


def test_a_search_that_is_killed_again_and_again_comes_to_its_end(tmp_path):
    place, before = tmp_path / "search", set()
    for number in range(1, 4):
        process = start(FORMULA, place, TOYS, 0.02, KERAS_BACKEND="numpy")
        read_until(process, "runs")
        time.sleep(0.011 * number)  # on some days within the writing of a file
        kill(process)
        assert before <= ended(place)
        before = ended(place)
    last = start(FORMULA, place, TOYS, 0, KERAS_BACKEND="numpy")
    said, _ = last.communicate()
    assert said.count("runs") == 8 - len(before)
    assert statuses(place) == {"COMPLETED": 8}


def test_a_chief_and_two_workers_share_a_search_and_one_may_be_killed(tmp_path):
    # The chief looks for its end at once, and then every 20 seconds
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def begin(name):
        return start(
            FORMULA,
            tmp_path / "search",
            TOYS,
            0.5,
            KERAS_BACKEND="numpy",
            KERASTUNER_TUNER_ID=name,
            KERASTUNER_ORACLE_IP="127.0.0.1",
            KERASTUNER_ORACLE_PORT=str(port),
        )

    chief, one, other = map(begin, ("chief", "tuner0", "tuner1"))
    read_until(other, "runs")
    kill(other)
    again = begin("tuner1")
    said = [process.communicate(timeout=120)[0] for process in (one, again, chief)]
    ran = [text.count("runs") for text in said]
    assert ran[0] + ran[1] == 8
    assert min(ran[:2]) >= 1
    assert ran[2] == 0
    assert statuses(tmp_path / "search") == {"COMPLETED": 8}
