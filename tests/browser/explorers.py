"""One generated notebook that holds every explorer, on small arrays."""

import re

import nbformat
from conftest import ROOT
from nbformat import v4

NAME = "every_explorer"
ARRAYS = """import numpy as np

random = np.random.default_rng(0)"""
# Each explorer's module in cnnlab.widgets, and the call that a lesson makes.
CALLS = {
    "activations": "activation_explorer()",
    "attention": """attention_explorer(
    random.random((4, 16, 16, 3)), [random.random((4, 8))], [random.random((4, 8, 8))]
)""",
    "convolution": "convolution_explorer(random.random((24, 24)))",
    "quantization": """quantization_explorer(
    random.normal(size=(16, 3)), np.zeros(3), random.normal(size=(9, 16))
)""",
    "receptive_field": "receptive_field_explorer()",
    "schedules": "schedule_explorer()",
}


def of_the_package():
    """Returns the names of all explorers that modules of `cnnlab.widgets` define."""
    return {
        name
        for path in ROOT.glob("cnnlab/widgets/*.py")
        for name in re.findall(r"^def (\w+_explorer)\(", path.read_text(), re.MULTILINE)
        if name != "figure_explorer"  # which the others are made of
    }


def in_notebook():
    """Returns the names of all explorers that the generated notebook calls."""
    return {call.partition("(")[0] for call in CALLS.values()}


def write(folder):
    """Writes the notebook into a folder of notebooks."""
    cells = [v4.new_markdown_cell("# Every explorer"), v4.new_code_cell(ARRAYS)]
    for module, call in CALLS.items():
        name = call.partition("(")[0]
        source = f"from cnnlab.widgets.{module} import {name}\n\n{call}"
        cells += [v4.new_markdown_cell(f"## {name}"), v4.new_code_cell(source)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / f"{NAME}.ipynb")
