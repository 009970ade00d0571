"""Who may import whom inside the package, and who may import the heavy libraries."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(ROOT.glob("cnnlab/**/*.py"))
ALLOWED = {
    "classroom": {"classroom"},  # one room in several files
    "quantize_aware": {"quantize_aware"},
    "lite": {"lite"},
    "models": {"layers", "models"},  # a backbone is one of the families
    "data": {"scenes"},
    "scenes": {"scenes"},
    "search": {"layers", "models", "search"},  # one space a file
    "widgets": {"convolution", "figures", "widgets"},  # one explorer a file
}
ROOMS_OF = {
    "matplotlib": {"figures", "widgets"},
    "tensorflow": {"data", "augment", "lite", "quantize_aware", "doctor"},
    "tensorflow_datasets": {"data"},
}
SHARED_BY_DATA = {"fetch", "image_folders", "npz", "_last_layer"}
SHARED_BY_DATA |= {"scenes", "solids"}  # these stand in for others
SHARED_BY_DATA |= {"adrenalmnist3d", "modelnet10", "pretrained"}  # for the inventory


def imports(source):
    """Every module that is imported anywhere in a source, by its full name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (
                f"{'.' * node.level}{node.module or ''}.{alias.name}"
                for alias in node.names
            )


def allows(room, name):
    """Whether a room of the package may import a full name such as `keras.layers`."""
    top, *rest = name.split(".")
    if not top:  # a relative import
        return False
    if top != "cnnlab":
        return room in ROOMS_OF.get(top, {room})
    if room == "cli" or rest[0] in ALLOWED.get(room, ()):
        return True
    return room == rest[0] == "data" and rest[1] in SHARED_BY_DATA


def trespasses(room, source):
    return [name for name in imports(source) if not allows(room, name)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_keeps_to_the_floor_plan(path):
    room = path.relative_to(ROOT / "cnnlab").parts[0].removesuffix(".py")
    assert trespasses(room, path.read_text()) == []


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.name == "__init__.py"], ids=str
)
def test_init_holds_a_docstring_and_nothing_else(path):
    (docstring,) = ast.parse(path.read_text()).body
    assert isinstance(docstring.value.value, str)


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("models", "from cnnlab.layers import drop_path"),
        ("models", "from cnnlab.layers.drop_path import drop_path"),
        ("models", "from cnnlab.models.efficientnet import efficientnet"),
        ("search", "import cnnlab.models.modern_cnn"),
        ("widgets", "from cnnlab import convolution, figures"),
        ("classroom", "from cnnlab.classroom import sandbox"),
        ("data", "from cnnlab.data import fetch"),
        ("data", "from cnnlab.scenes.images import render"),
        ("data", "from cnnlab.data import fetch, image_folders, pretrained"),
        ("cli", "from cnnlab.doctor import findings"),
        ("train", "import keras"),
        ("data", "def load():\n    import tensorflow_datasets as tfds"),
        ("figures", "import matplotlib.pyplot as plt"),
    ],
)
def test_floor_plan_allows(room, line):
    assert trespasses(room, line) == []


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("layers", "from cnnlab.models import modern_cnn"),
        ("models", "from cnnlab import train"),
        ("models", "from .modern_cnn import modern_cnn"),
        ("train", "def late():\n    from cnnlab import evaluate"),
        ("data", "from cnnlab.data import digits"),
        ("data", "from cnnlab.data import prefetch"),
        ("figures", "from cnnlab.data import scenes"),
        ("scenes", "from cnnlab.data import fetch"),
        ("train", "import tensorflow as tf"),
        ("evaluate", "from matplotlib import pyplot"),
        ("layers", "import tensorflow_datasets"),
    ],
)
def test_floor_plan_forbids(room, line):
    assert len(trespasses(room, line)) == 1


def loaded_by(statement):
    """The names of all modules that a statement loads in a new interpreter."""
    command = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = [sys.executable, "-c", command]
    return set(subprocess.check_output(run, text=True, cwd=ROOT).split())


@pytest.mark.parametrize("module", ["cnnlab", "cnnlab.doctor", "cnnlab.expect"])
def test_import_loads_neither_numpy_nor_a_backend(module):
    heavy = {"numpy", "keras", "tensorflow", "jax", "matplotlib"}
    assert not heavy & loaded_by(f"import {module}")
