"""What README and lesson 02 state, on real CIFAR-10."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def script():
    path = ROOT / "benchmarks" / "modern_cnn_ablation.py"
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def record(name):
    path = ROOT / "data" / "records" / f"modern_cnn_ablation_{name}.json"
    return json.loads(path.read_text())


def accuracies(name):
    result = {}
    for run in record(name)["runs"]:
        result.setdefault(run["arm"], []).append(run["test_accuracy"])
    return result


@pytest.mark.quick
@pytest.mark.parametrize("name", ["cifar10", "scenes"])
def test_every_arm_was_recorded_with_three_seeds(name):
    runs = {(run["arm"], run["seed"]) for run in record(name)["runs"]}
    assert runs == {(arm, seed) for arm in script().ARMS for seed in range(3)}


@pytest.mark.parametrize("arm", ["simple CNN"])
def test_a_recorded_arm_comes_out_again(arm):
    module, recorded = script(), record("cifar10")
    *sets, current = module.load("cifar10", recorded["budget"])
    assert current.checksum == recorded["checksum"]
    again = module.run(arm, 0, sets, recorded["budget"])
    values = accuracies("cifar10")[arm]
    tolerance = max(3 * np.std(values, ddof=1), 0.015)
    assert again["test_accuracy"] == pytest.approx(np.mean(values), abs=tolerance)
