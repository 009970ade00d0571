import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OTHERS = {
    "race_contestants.py",  # `cifar10_race.py` starts it
    "ship_modern_cnn.py",  # measures nothing: it makes what ships
}


def test_make_bench_runs_every_script_that_needs_no_gpu():
    scripts = (ROOT / "benchmarks").glob("*.py")
    runnable = {path.name for path in scripts if '"__main__"' in path.read_text()}
    table = (ROOT / "CONTRIBUTING.md").read_text()
    on_gpu = set(re.findall(r"\| `(\w+\.py)` \| GPU \|", table))
    command = ["make", "-n", "bench", "FULL=1", "CNNLAB_DATA=somewhere"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    options = {"capture_output": True, "text": True, "check": True}
    said = subprocess.run(command, cwd=ROOT, env=environment, **options).stdout
    run = set(re.findall(r"python benchmarks/(\w+\.py)", said))
    assert len(on_gpu) > 3
    assert run == runnable - on_gpu - OTHERS


@pytest.mark.parametrize("contestant", ["Clock()", "Laps(1)"])
def test_a_contestant_ends_with_its_referee(contestant):
    code = f"import turns; turns.{contestant}"
    folder = ROOT / "benchmarks"
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    ended = subprocess.run([sys.executable, "-c", code], cwd=folder, **options)
    assert ended.returncode == 1
    assert ended.stderr.strip() == "The referee is gone."


LAPS = """
import sys, turns
laps = turns.Laps(int(sys.argv[1]))
for _ in range(3):
    laps.start()
    laps.stop()
laps.tell(end=laps.done)
"""


@pytest.fixture
def benchmarks(monkeypatch):
    """Lets a test import scripts, and those import each other."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "benchmarks"))


def test_laps_go_round_and_the_first_does_not_count(benchmarks, capsys):
    import turns

    found = turns.rates({"snail": ["-c", LAPS, "1"], "hare": ["-c", LAPS, "1000000"]})
    said = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert said == [f"lap {n}, {name}" for n in (1, 2, 3) for name in found]
    assert [len(rates) for rates in found.values()] == [2, 2]
    assert max(found["snail"]) < min(found["hare"])


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
def test_without_instructions_for_bfloat16_it_is_left_out(
    benchmarks, monkeypatch, told, expected
):
    import race_contestants
    import record

    monkeypatch.setattr(record, "_told_by_the_processor", lambda: told)
    assert record.multiplies_bfloat16() is expected
    names = ["fast recipe", "fast recipe, float32", "modern CNN"]
    found = record.runnable(names, (), race_contestants.BFLOAT16)
    assert found == names[not expected :]


def test_without_pytorch_its_contestants_are_left_out_and_told(
    benchmarks, monkeypatch, capsys
):
    import record

    monkeypatch.setattr(record, "HAS_TORCH", False)
    assert record.runnable(["Keras", "PyTorch"], ["PyTorch"], ()) == ["Keras"]
    assert re.search("Left out, PyTorch .*: PyTorch$", capsys.readouterr().out)
    assert record.runnable(["Keras"], ["PyTorch"], ()) == ["Keras"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("values", "sign", "expected"),
    [([90, 92], "", "91.0 ± 1.4"), ([1, 3], "+", "+2.0 ± 1.4"), ([95.48], "", "95.5")],
)
def test_seeds_are_stated_with_their_spread_and_one_without(
    benchmarks, values, sign, expected
):
    import record

    assert record.stated(values, sign) == expected


def test_who_has_ended_computes_no_more(benchmarks):
    import turns

    lingering = LAPS + "import time; time.sleep(1)"
    began = time.perf_counter()
    for _, message in turns.taken({"snail": ["-c", lingering, "1"]}):
        if "end" in message:
            assert time.perf_counter() - began > 1


def test_contestants_have_names_of_their_own(benchmarks):
    import fast_cnn_speed

    names = [fast_cnn_speed.named(settings) for settings in fast_cnn_speed.GROWTH]
    assert names[0] == "Keras"
    assert len({*names}) == len(names)
    assert "Keras, cores 1" in names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a snail"], "Names are fast recipe, .* Received: a snail"),
        (["PyTorch", "--setting", "6 minutes"], "a setting of the fast recipe alone"),
    ],
)
def test_who_does_not_run_is_not_started(arguments, message):
    command = [sys.executable, ROOT / "benchmarks/cifar10_race.py", "cpu", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2
    assert re.search(message, ended.stderr)
