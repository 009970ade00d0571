"""A few recordings on a tiny budget: what they return fits a row of their record."""

import functools
import json

import numpy as np
import pytest

from cnnlab.data import scenes
from cnnlab.train.batches import split
from experiments import catalog, harness


@functools.cache
def drawn(num_train=64, num_val=20, num_test=20):
    """Training, validation and test images of Scenes, and what they are."""
    train_set, test_set, info = scenes.load("embedded", num_train + num_val, num_test)
    return *split(*train_set, num_val=num_val), test_set, info


def as_bytes(num_val=0, num_train=None):
    """The same as the fast recipe loads them: bytes, and two sets."""
    train_set, _, test_set, info = drawn()
    sets = [
        (np.uint8(255 * images), labels) for images, labels in (train_set, test_set)
    ]
    return *sets, info


def halved():
    """The same at half their height and width."""
    *sets, info = drawn()
    return *[(images[:, ::2, ::2], labels) for images, labels in sets], info


def tiny_ablation(module, monkeypatch):
    monkeypatch.setitem(module.BUDGETS["scenes"], "epochs", 1)
    monkeypatch.setattr(module, "load", lambda name: drawn())
    return {"arm": "simple CNN", "seed": 0}


def tiny_clips(module, monkeypatch):
    for key, value in {
        "num_train": 20,
        "num_val": 4,
        "num_test": 4,
        "epochs": 1,
    }.items():
        monkeypatch.setitem(module.BUDGET, key, value)
    return {"arm": "frames averaged", "seed": 0}


def tiny_linear(module, monkeypatch):
    monkeypatch.setattr(module, "load", drawn)
    monkeypatch.setattr(module, "PENALTIES", (1e-4, 1e-3))
    return {"arm": "logistic regression"}


def tiny_network(module, monkeypatch):
    monkeypatch.setitem(module.BUDGET, "epochs", 1)
    monkeypatch.setitem(module.BUDGET, "batch_size", 32)
    monkeypatch.setattr(module, "load", halved)
    return {"arm": "skip skip skip skip", "seed": 0}


def tiny_race(module, monkeypatch):
    monkeypatch.setattr(module.fast_recipe, "load", as_bytes)
    monkeypatch.setattr(module.Epochs, "__getitem__", module.Epochs.__getitem__)
    setting = {"filters": [8, 8, 8], "sizes": [21, 32], "batch_size": 32}
    monkeypatch.setitem(module.SETTINGS, "6 minutes", setting)
    return {"setting": "6 minutes", "arm": "fast recipe, float32", "seed": 0}


TINY = {
    "modern_cnn_ablation_scenes": tiny_ablation,
    "clips_motion": tiny_clips,
    "scenes_difficulty": tiny_linear,
    "tiny_networks": tiny_network,
    "cifar10_race": tiny_race,
}


@pytest.mark.parametrize("name", TINY)
def test_a_tiny_run_has_the_columns_of_the_record(name, monkeypatch):
    module = __import__(catalog.find_names()[name], fromlist=[""])
    experiment = catalog.find(name)
    job = TINY[name](module, monkeypatch)
    found = harness.timed(experiment.run, job)
    columns = {key for row in found for key, value in row.items()}
    recorded = [row for row in harness.read_rows(name) if row["kind"] == "run"]
    like = [row for row in recorded if row["arm"] == job["arm"]]
    assert columns <= like[0].keys()
    metrics = {key for key in like[0] if key.startswith(("test_", "val_", "history_"))}
    assert metrics <= columns
    json.dumps(found, allow_nan=False)
