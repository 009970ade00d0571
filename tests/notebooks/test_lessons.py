"""The runner names lesson, cell, expected, received; storing stores what nbval sees."""

import os
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import execute
import lessons
import nbformat
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
        "from cnnlab.doctor import hidden_messages, quiet_start\n\nquiet_start()",
        "print(len(hidden_messages) > 0)",
    )
    execute.execute(notebook, HERE.parents[1])
    assert notebook.cells[1].outputs == []
    assert notebook.cells[2].outputs[0].text == "True\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs lessons in a project that holds nothing but them and the runner."""
    project = tmp_path_factory.mktemp("project")
    place = project / "tests" / "notebooks"
    place.mkdir(parents=True)
    (project / "notebooks").mkdir()
    for name in ("lessons.py", "sanitize.cfg"):
        shutil.copy(HERE / name, place)

    def run(notebooks):
        for name, notebook in notebooks.items():
            nbformat.write(notebook, project / "notebooks" / f"{name}.ipynb")
        command = [sys.executable, place / "lessons.py"]
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith("PYTEST")
        }
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    return run


@pytest.fixture(scope="module")
def report(run, executed):
    """The runner's report on a sound lesson, one that differs and one that raises."""
    changed = deepcopy(executed)
    changed.cells[2].outputs[0].text = "Pascal\n"
    raising = lesson("1 / 0", "print('late')", "2")
    result = run({"07_sound": executed, "08_differs": changed, "09_raises": raising})
    assert result.returncode == 1
    return result.stdout


def test_no_lesson_yet_is_no_failure_and_an_unknown_one_is(monkeypatch, tmp_path):
    monkeypatch.setattr(lessons, "ROOT", tmp_path)
    assert lessons.main([]) == 0
    assert lessons.main(["07"]) == 1


def test_runner_counts_cells_and_seconds_of_each_lesson(report):
    assert "notebooks/07_sound.ipynb  2 cells, " in report
    assert "notebooks/09_raises.ipynb F 3 cells, " in report
    assert "2 failed, 3 passed, 2 skipped" in report


class Terminal:
    """Keeps the lines that a plugin writes."""

    def __init__(self):
        self.lines = []

    def write_line(self, line, **style):
        self.lines.append(line)


def test_runner_warns_of_a_lesson_over_its_budget():
    plugin, terminal = lessons.Report(), Terminal()
    plugin.seconds.update({"07_quick.ipynb": 90.0, "08_slow.ipynb": 112.4})
    plugin.pytest_terminal_summary(terminal)
    assert terminal.lines == [
        "WARNING: 08_slow.ipynb took 112 s. A lesson may take 90 s on two idle cores."
    ]


def test_runner_names_lesson_cell_expected_and_received(report):
    assert "notebooks/08_differs.ipynb::Cell 2" in report
    assert "print('Python')" in report
    assert "expected (stored):\n    Pascal\n  received:\n    Python\n" in report


def test_runner_stops_a_lesson_at_the_cell_that_raised(report):
    assert "notebooks/09_raises.ipynb::Cell 1" in report
    assert "ZeroDivisionError" in report
    assert "late" not in report
