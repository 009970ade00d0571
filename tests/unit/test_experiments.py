"""Experiments are declared, found, run, interrupted and resumed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from experiments import catalog, conditions, harness, speed_table, timing, turns
from experiments.harness import Experiment

ROOT = Path(__file__).parents[2]
INFO = SimpleNamespace(name="Toys", source="embedded", checksum="sha256:1")


def run(arm, seed):
    """A run of a toy experiment: it says that it ran."""
    print("ran", arm, seed)
    return {"test_accuracy": 0.5 + 0.1 * seed, "history_loss": [2.0, 1.0]}


def toy(**changes):
    options = {
        "name": "toy",
        "question": "what a toy learns",
        "run": run,
        "data": lambda: INFO,
        "budget": {"epochs": 2, "filters": (8, 16)},
        "arms": ["a", "b"],
        "seeds": range(2),
        "minutes": 1,
        "packages": ["numpy"],
        "alone": True,
    }
    return Experiment(**options | changes)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of the records, in place of that of the repository."""
    monkeypatch.setattr(harness, "RECORDS", tmp_path)
    monkeypatch.setenv("COMMIT", "abc1234")
    return tmp_path


def rows_of(folder):
    lines = (folder / "toy.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_each_run_is_a_row_with_its_conditions(folder):
    harness.complete(toy())
    rows = rows_of(folder)
    assert [(r["seed"], r["arm"]) for r in rows] == [
        (seed, arm) for seed in (0, 1) for arm in "ab"
    ]
    for row in rows:
        assert row["hardware"] == conditions.hardware()
        assert re.match(r"python 3\.\d+\.\d+, numpy ", row["versions"])
        assert (row["commit"], row["checksum"]) == ("abc1234", "sha256:1")
        assert (row["epochs"], row["filters"]) == (2, [8, 16])
        assert row["seconds"] >= 0
    assert {each.name for each in folder.iterdir()} == {"toy.jsonl"}


def test_a_second_start_runs_only_what_is_missing(folder, capsys):
    harness.complete(toy(seeds=[0]))
    capsys.readouterr()
    harness.complete(toy())
    told = capsys.readouterr().out
    assert re.findall(r"^ran (.*)", told, re.MULTILINE) == ["a 1", "b 1"]
    harness.complete(toy())
    assert "0 of 4 runs to do" in capsys.readouterr().out


def test_runs_in_processes_side_by_side_stand_in_the_order_of_the_jobs(folder):
    harness.complete(toy(alone=False))
    assert [r["arm"] for r in rows_of(folder)] == ["a", "b", "a", "b"]


KILLED = """
import os, signal, sys
from pathlib import Path
from experiments import harness
sys.path.insert(0, "tests/unit")
from test_experiments import run, toy
harness.RECORDS = Path(sys.argv[1])
def run_and_be_killed(arm, seed):
    if (arm, seed) == ("b", 0):
        os.kill(os.getpid(), signal.SIGKILL)
    return run(arm, seed)
harness.complete(toy(run=run_and_be_killed))
"""


def test_a_recording_that_is_killed_in_the_middle_goes_on(folder, capsys):
    command = [sys.executable, "-c", KILLED, folder]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL
    assert [r["arm"] for r in rows_of(folder)] == ["a"]
    harness.complete(toy())
    assert "ran a 0" not in capsys.readouterr().out
    assert len(rows_of(folder)) == 4


def test_a_run_that_cannot_be_written_leaves_the_record_as_it_was(folder):
    harness.complete(toy(seeds=[0]))
    before = (folder / "toy.jsonl").read_text()
    with pytest.raises(ValueError, match="JSON compliant"):
        harness.complete(toy(run=lambda arm, seed: {"test_accuracy": float("nan")}))
    assert (folder / "toy.jsonl").read_text() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": {"epochs": 3, "filters": (8, 16)}}, "the same epochs. Received: 3"),
        (
            {"data": lambda: SimpleNamespace(checksum="sha256:2")},
            "the same checksum. Received: .sha256:2., recorded .*: .sha256:1.",
        ),
    ],
)
def test_runs_of_another_budget_or_other_data_are_not_mixed(folder, changes, message):
    harness.complete(toy(seeds=[0]))
    with pytest.raises(SystemExit, match=message):
        harness.complete(toy(**changes))


def test_a_resume_on_another_machine_says_so(folder, capsys, monkeypatch):
    monkeypatch.setattr(conditions, "hardware", lambda: "an abacus, 1 core")
    harness.complete(toy(seeds=[0]))
    monkeypatch.setattr(conditions, "hardware", lambda: "a slide rule, 2 cores")
    harness.complete(toy())
    told = capsys.readouterr().out
    assert "Recorded before on: an abacus, 1 core" in told
    assert "This start is on:   a slide rule, 2 cores" in told
    assert [r["hardware"][:8] for r in rows_of(folder)] == 2 * ["an abacu"] + 2 * [
        "a slide "
    ]


def test_what_is_measured_anew_replaces_what_was(folder):
    harness.complete(toy())
    harness.complete(toy(anew=True, run=lambda arm, seed: {"test_accuracy": 0.9}))
    assert [r["test_accuracy"] for r in rows_of(folder)] == 4 * [0.9]


def test_a_run_may_return_rows_of_several_kinds(folder):
    def trials(arm, seed):
        return [{"kind": "trial", "trial": n} for n in (0, 1)] + [{"winner": 1}]

    harness.complete(toy(run=trials, seeds=[0], costs=lambda: [{"parameters": 9}]))
    kinds = [row["kind"] for row in rows_of(folder)]
    assert kinds == ["cost", *2 * ["run"], *4 * ["trial"]]
    assert toy(seeds=[0]).missing(rows_of(folder)) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"device": "tpu"}, "must be 'cpu' or 'gpu'. Received: 'tpu'"),
        ({"budget": {"rates": {"a": 1}}}, "must be flat.*Received dicts under: rates"),
    ],
)
def test_what_cannot_be_declared_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        toy(**changes)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"epochs": 3}, "must not change the column 'epochs'.*with 2. Received: 3"),
        ({"nested": {}}, "Rows must be flat. Received dicts: nested"),
    ],
)
def test_what_does_not_fit_a_row_is_refused(folder, result, message):
    with pytest.raises(ValueError, match=message):
        harness.complete(toy(run=lambda arm, seed: result))


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A clean repository with a source and a record."""
    monkeypatch.delenv("COMMIT", raising=False)
    (tmp_path / "data" / "records").mkdir(parents=True)
    (tmp_path / "source.py").write_text("1")
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a", "commit", "-qm", "a"],
    ):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    return tmp_path


def test_clean_source_is_named_by_its_commit(repository):
    (repository / "data" / "records" / "new.jsonl").write_text("{}")
    assert re.fullmatch("[0-9a-f]{7,}", conditions.clean_commit(repository))


@pytest.mark.parametrize("name", ["source.py", "another.py"])
def test_source_that_is_not_committed_is_refused(repository, name):
    (repository / name).write_text("2")
    message = f"(?s)by committed source only.*{name}\nCommit them first"
    with pytest.raises(SystemExit, match=message):
        conditions.clean_commit(repository)


def test_a_machine_without_the_repository_must_be_told_the_commit(
    tmp_path, monkeypatch
):
    monkeypatch.delenv("COMMIT", raising=False)
    with pytest.raises(SystemExit, match="or set COMMIT"):
        conditions.clean_commit(tmp_path)
    monkeypatch.setenv("COMMIT", "abc1234")
    assert conditions.clean_commit(tmp_path) == "abc1234"


@pytest.fixture(scope="module")
def declared():
    """All experiments, by name."""
    return {each.name: each for each, _ in catalog.find_all()}


def test_the_tables_are_those_of_declarations_and_records(declared):
    for name, update in (
        ("CONTRIBUTING.md", catalog.update),
        ("README.md", speed_table.update),
    ):
        text = (ROOT / name).read_text()
        assert update(text) == text, "python -m experiments --tables"
        assert update(text.replace("| CPU |", "| TPU |").replace("1,4", "2,4")) == text


def test_every_record_is_declared_and_has_the_declared_budget(declared):
    records = {path.stem for path in harness.RECORDS.glob("*.jsonl")}
    assert records <= {each.record for each in declared.values()}
    for each in declared.values():
        budget = json.loads(json.dumps(each.budget))
        for row in harness.read_rows(each.record):
            if row["kind"] == each.kind:
                assert {key: row[key] for key in budget} == budget, each.name


def test_every_recording_is_complete_but_for_those_that_say_so(declared):
    rows = {name: harness.read_rows(each.record) for name, each in declared.items()}
    missing = {n: len(each.missing(rows[n])) for n, each in declared.items()}
    assert {name for name, number in missing.items() if number} == {
        "cifar10_race",  # the modern CNN ran with one seed, float32 in one setting
        "cifar10_race_gpu",  # 96 % ran with one seed
        "explorers",  # prints, and nobody has recorded it
        "fast_cnn_budget",  # second seeds of two choices
    }


def test_make_bench_runs_the_declared_speeds_and_with_full_all_that_needs_no_gpu():
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    options = {"capture_output": True, "text": True, "check": True, "cwd": ROOT}
    for given, expected in (
        ([], "python -m experiments --speeds\n"),
        (["FULL=1", "CNNLAB_DATA=x"], "python -m experiments --speeds --cpu\n"),
    ):
        command = ["make", "-n", "bench", *given]
        said = subprocess.run(command, env=environment, **options).stdout
        assert re.sub(" +\n", "\n", said).endswith(expected)


def test_an_unknown_experiment_is_refused_and_the_known_ones_named():
    with pytest.raises(SystemExit, match="no experiment 'nothing'.*epoch_waits"):
        catalog.find("nothing")


ON_A_GPU = """
import sys
for name in ("tensorflow", "pandas"):
    sys.modules[name] = None
from experiments import catalog
print([each for each in sys.argv[1:] if catalog.find(each).device == "gpu"])
"""


def test_recordings_on_a_gpu_import_neither_tensorflow_nor_pandas(declared):
    names = [each.name for each in declared.values() if each.device == "gpu"]
    assert len(names) > 4
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    options = {"cwd": ROOT, "env": environment, "capture_output": True, "text": True}
    command = [sys.executable, "-c", ON_A_GPU, *names]
    ended = subprocess.run(command, **options)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == str(names)


def test_timing_goes_round_and_the_first_call_does_not_count():
    order = []
    functions = {name: lambda name=name: order.append(name) for name in "ab"}
    found = timing.interleaved(functions, 2, calls={"a": 2, "b": 1})
    assert "".join(order) == "ab" + 2 * "aab"
    assert {name: len(seconds) for name, seconds in found.items()} == {"a": 4, "b": 2}


LAPS = """
import sys
from experiments import turns
laps = turns.Laps(int(sys.argv[1]))
for _ in range(3):
    laps.start()
    laps.stop()
laps.tell(end=laps.done)
"""


def test_laps_go_round_and_the_first_does_not_count(capsys):
    found = turns.rates({"snail": ["-c", LAPS, "1"], "hare": ["-c", LAPS, "1000000"]})
    said = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert said == [f"lap {n}, {name}" for n in (1, 2, 3) for name in found]
    assert [len(rates) for rates in found.values()] == [2, 2]
    assert max(found["snail"]) < min(found["hare"])


def test_a_contestant_that_has_ended_computes_no_more():
    lingering = LAPS + "import time; time.sleep(1)"
    began = time.perf_counter()
    turns.rates({"snail": ["-c", lingering, "1"]})
    assert time.perf_counter() - began > 1


def test_a_contestant_ends_with_its_referee():
    command = [sys.executable, "-c", "from experiments import turns; turns.Laps(1)"]
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    ended = subprocess.run(command, cwd=ROOT, **options)
    assert ended.returncode == 1
    assert ended.stderr.strip() == "The referee is gone."


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"flags": "fma avx2 avx512_bf16"}, True),
        ({"flags": "amx_bf16 amx_tile"}, True),
        ({"Features": "fp asimd bf16"}, True),
        ({"flags": "fma avx2"}, False),
        ({}, False),
    ],
)
def test_a_processor_tells_whether_it_multiplies_bfloat16(monkeypatch, told, expected):
    monkeypatch.setattr(conditions, "_describe_processor", lambda: told)
    assert conditions.multiplies_bfloat16() is expected


def test_rivals_that_cannot_run_here_are_left_out_with_the_reason(capsys):
    from experiments.lesson_19.fast_cnn_speed import RIVALS, choose_runnable

    assert choose_runnable(RIVALS, True, True) == list(RIVALS)
    assert capsys.readouterr().out == ""
    assert choose_runnable(RIVALS, False, False) == ["Keras"]
    told = capsys.readouterr().out.splitlines()
    assert re.search("Left out, PyTorch is not .*: PyTorch; PyTorch, ch", told[0])
    assert told[1] == "Left out, no bfloat16 on this processor: Keras, bfloat16"


def test_settings_are_named_by_what_is_not_as_usual():
    from experiments.lesson_19 import fast_cnn_speed

    names = [fast_cnn_speed.named(settings) for settings in fast_cnn_speed.GROWTH]
    assert names[0] == "Keras"
    assert len({*names}) == len(names)
    assert "Keras, cores 1" in names
