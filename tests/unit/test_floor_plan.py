"""The floor plan in pyproject.toml is kept, and the package imports quickly."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_contracts_of_the_floor_plan_are_kept():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("module", ["cnnlab", "cnnlab.doctor", "cnnlab.start"])
def test_import_loads_neither_numpy_nor_a_backend(module):
    code = f"import {module}, sys\nprint(*sys.modules)"
    run = [sys.executable, "-c", code]
    loaded = set(subprocess.check_output(run, text=True, cwd=ROOT).split())
    assert not loaded & {"numpy", "keras", "tensorflow", "jax", "matplotlib"}
