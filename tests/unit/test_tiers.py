"""Every test runs on a push, at night or once a week."""

import itertools
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
MARKS = ["nightly", "quick"]  # by which a command chooses tests
FILES = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/**/test_*.py"))


def pytest_calls(commands):
    """Lists what `make` would call of pytest: a set of paths, and the marks wanted."""
    targets = re.findall(r"^\s*(?:\w+=\S+ )*make ([\w =]+)", commands, re.MULTILINE)
    environment = {"PATH": os.environ["PATH"]}  # not that of a make around this test
    calls = []
    for target in targets:
        command = ["make", "--dry-run", "--always-make", *target.split()]
        output = subprocess.check_output(command, cwd=ROOT, env=environment, text=True)
        for line in output.splitlines():
            if "-m pytest" in line:
                words = shlex.split(line.partition("-m pytest")[2])
                marks = words[words.index("-m") + 1] if "-m" in words else "True"
                calls.append(([w for w in words if w.startswith("tests/")], marks))
    return calls


def workflow(name):
    """Returns the commands that a workflow runs, one a line."""
    jobs = yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text())["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    return "\n".join(step.get("run", "") for step in steps)


@pytest.fixture(scope="module")
def calls():
    ci = (ROOT / ".ci" / "run").read_text()
    ours = [ci, workflow("push"), workflow("nightly"), workflow("weekly")]
    return [call for commands in ours for call in pytest_calls(commands)]


def is_selected(path, marks, calls):
    names = {mark: mark in marks for mark in MARKS}
    return any(
        eval(expression, {}, names)
        for paths, expression in calls
        if any(path == part or path.startswith(f"{part}/") for part in paths)
    )


@pytest.mark.parametrize("path", FILES)
def test_no_test_is_in_no_tier(path, calls):
    used = [mark for mark in MARKS if f"mark.{mark}" in (ROOT / path).read_text()]
    for size in range(len(used) + 1):
        for marks in itertools.combinations(used, size):
            assert is_selected(path, marks, calls), f"{path} with the marks {marks}"


def test_a_push_here_and_there_runs_the_same():
    here = pytest_calls((ROOT / ".ci" / "run").read_text())
    there = pytest_calls(workflow("push"))
    local = {"tests/claims"}  # these need data, which a machine may have
    assert paths_of(there) == paths_of(here) - local


def paths_of(calls):
    return {path for paths, _ in calls for path in paths}
