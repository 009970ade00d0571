"""Storing a lesson's outputs stores what nbval will see."""

from pathlib import Path

import execute
import pytest
from nbformat import v4

HERE = Path(__file__).parent
PASSING = [
    "import os, time\nprint(object(), f'{time.time() % 60:.2f} ms/step')",
    "os.system('echo native; echo code >&2')\nprint('Python')",
]


def lesson(*sources):
    cells = [v4.new_markdown_cell("# A lesson"), *map(v4.new_code_cell, sources)]
    return v4.new_notebook(cells=cells, metadata={"cnnlab": {"full": {}}, "other": 1})


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A lesson as `make execute` stores it."""
    notebook = lesson(*PASSING)
    execute.execute(notebook, tmp_path_factory.mktemp("kernel"))
    return notebook


def test_stored_outputs_hold_nothing_of_native_code(executed):
    assert [output.text for output in executed.cells[2].outputs] == ["Python\n"]


def test_storing_numbers_the_cells_and_keeps_only_what_machines_agree_on(executed):
    assert [cell.execution_count for cell in executed.cells[1:]] == [1, 2]
    assert all(cell.metadata == {} for cell in executed.cells)
    assert executed.metadata == {
        "cnnlab": {"full": {}},
        "kernelspec": execute.KERNEL,
        "language_info": {"name": "python"},
    }


def test_storing_keeps_cell_ids():
    notebook = lesson("1 + 1")
    before = [cell.id for cell in notebook.cells]
    execute.normalise(notebook)
    assert [cell.id for cell in notebook.cells] == before


def test_first_cell_is_quiet_in_jupyter_and_keeps_what_was_said(monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    monkeypatch.setattr(execute, "AS_UNDER_NBVAL", {})
    notebook = lesson(
        "from cnnlab.start import hidden_messages, quiet_start\n\nquiet_start()",
        "print(len(hidden_messages) > 0)",
    )
    execute.execute(notebook, HERE.parents[1])
    assert notebook.cells[1].outputs == []
    assert notebook.cells[2].outputs[0].text == "True\n"
