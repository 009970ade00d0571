import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_BY_ITSELF = {"race_contestants.py"}  # `cifar10_race.py` starts it


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
    assert run == runnable - on_gpu - NOT_BY_ITSELF
