import os
import re
import subprocess
import sys
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


@pytest.mark.parametrize(
    ("clock", "message"),
    [
        ("turns.Clock()", "The referee is gone."),
        ("fast_cnn_speed.Clock(1).start()", "Nobody asks any more."),
    ],
)
def test_a_contestant_ends_with_its_referee(clock, message):
    code = f"import fast_cnn_speed, turns; {clock}"
    folder = ROOT / "benchmarks"
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    ended = subprocess.run([sys.executable, "-c", code], cwd=folder, **options)
    assert ended.returncode == 1
    assert ended.stderr.strip() == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a snail"], "Names are fast recipe, .* Received: a snail"),
        (["PyTorch", "--setting", "6 minutes"], "a setting of 'fast recipe' alone"),
    ],
)
def test_who_does_not_run_is_not_started(arguments, message):
    command = [sys.executable, ROOT / "benchmarks/cifar10_race.py", "cpu", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2
    assert re.search(message, ended.stderr)
