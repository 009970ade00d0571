"""Unit tests see no network and no data folder; some of them run on both backends."""

import gc
import os
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "cnnlab"
BACKEND_FREE = {"train", "evaluate", "explain"} | {
    path.stem for room in ("layers", "models") for path in (PACKAGE / room).glob("*.py")
}


def pytest_ignore_collect(collection_path):
    """Leaves out, on another backend, the rooms that promise TensorFlow alone."""
    if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
        return None
    kind, _, room = collection_path.stem.partition("_")
    return True if kind == "test" and room not in BACKEND_FREE else None


@pytest.fixture(scope="module", autouse=True)
def _garbage_is_not_looked_for_in_half_a_million_objects_of_tensorflow():
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_network_and_no_data_folder(monkeypatch):
    monkeypatch.setenv("CNNLAB_OFFLINE", "1")
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
