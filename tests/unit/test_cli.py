import subprocess
import sys

import nbformat
import pytest
from nbformat import v4
from typer.testing import CliRunner

from cnnlab import cli, doctor, start
from cnnlab.data import fetch, inventory, prefetch


def call(*arguments):
    return CliRunner().invoke(cli.app, arguments)


def test_help_names_every_command_and_loads_no_backend():
    command = (
        "import sys; from cnnlab import cli\n"
        "try: cli.main()\n"
        "except SystemExit: print({'tensorflow', 'keras', 'numpy'} & set(sys.modules))"
    )
    output = subprocess.check_output(
        [sys.executable, "-c", command, "--help"], text=True
    )
    assert all(name in output for name in ("doctor", "prefetch", "run"))
    assert output.endswith("set()\n")


@pytest.mark.parametrize(
    ("state", "exit_code"), [("good", 0), ("note", 0), ("broken", 1)]
)
def test_doctor_fails_only_for_what_is_broken(monkeypatch, state, exit_code):
    finding = doctor.Finding("the part", state, "what was found", "the remedy")
    monkeypatch.setattr(inventory, "available", lambda verify: [])
    monkeypatch.setattr(doctor, "findings", lambda available: [finding])
    monkeypatch.setattr(start, "hidden_messages", ["[a message]"])
    result = call("doctor")
    assert result.exit_code == exit_code
    for text in ("the part", state, "what was found", "the remedy", "[a message]"):
        assert text in result.output


def test_prefetch_says_where_the_data_is(monkeypatch, tmp_path):
    def fill(folder):
        return {"cifar10": folder / "cifar-10-batches-py"}

    monkeypatch.setattr(prefetch, "prefetch", fill)
    monkeypatch.setenv("HOME", str(tmp_path))
    result = call("prefetch", "~/a stick")
    assert result.exit_code == 0
    assert f"cifar10 is ready in {tmp_path}/a stick/cifar-10" in result.output
    assert f"export CNNLAB_DATA='{tmp_path}/a stick'" in result.output


def test_prefetch_without_a_network_is_one_clear_error(monkeypatch, tmp_path):
    def fill(folder):
        raise fetch.DataError("no network: connect", "no network")

    monkeypatch.setattr(prefetch, "prefetch", fill)
    result = call("prefetch", str(tmp_path))
    assert result.exit_code == 1
    assert result.stderr == "no network: connect\n"


@pytest.fixture
def lesson(monkeypatch, tmp_path):
    """A lesson of two cells in a folder of its own, and how to store it."""
    monkeypatch.setattr(cli, "NOTEBOOKS", tmp_path)
    parameters = v4.new_code_cell("NUM_TRAIN = 10", metadata={"tags": ["parameters"]})
    code = v4.new_code_cell("print(NUM_TRAIN, 'images')")
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = v4.new_notebook(
        cells=[parameters, code],
        metadata={"kernelspec": kernel, "cnnlab": {"full": {"NUM_TRAIN": 50}}},
    )
    return notebook


def stored(lesson, folder):
    nbformat.write(lesson, folder / "07_trial.ipynb")
    return folder / "07_trial.ipynb"


def test_lesson_runs_with_its_full_budget_and_stays_as_it_was(lesson, tmp_path):
    path = stored(lesson, tmp_path)
    before = path.read_bytes()
    result = call("run", "7", "--full", "--output", str(tmp_path / "build"))
    assert result.exit_code == 0, result.output
    assert "50 images" in (tmp_path / "build" / "07_trial.html").read_text()
    assert "50 images" in (tmp_path / "build" / "07_trial.ipynb").read_text()
    assert path.read_bytes() == before


def test_lesson_that_fails_names_its_cell_and_still_shows_what_ran(lesson, tmp_path):
    lesson.cells[1].source = "1 / 0"
    stored(lesson, tmp_path)
    result = call("run", "07", "--output", str(tmp_path / "build"))
    assert result.exit_code == 1
    assert "07_trial stopped in cell 2" in result.stderr
    assert "ZeroDivisionError" in result.stderr
    assert "NUM_TRAIN" in (tmp_path / "build" / "07_trial.html").read_text()


def test_page_of_a_lesson_folds_checks_and_nothing_else(lesson, tmp_path):
    check = v4.new_code_cell("assert NUM_TRAIN > 5", metadata={"tags": ["check"]})
    lesson.cells.append(check)
    stored(lesson, tmp_path)
    assert call("run", "07", "--output", str(tmp_path)).exit_code == 0
    page = (tmp_path / "07_trial.html").read_text()
    _, fold = page.split("<details>")
    summary, _, code = fold.partition("</details>")[0].partition("</summary>")
    assert summary.endswith(">Check")
    assert "assert" in code


def test_unknown_lesson_is_answered_with_the_known_ones(lesson, tmp_path):
    assert call("run", "12").stderr == "There is no lesson 12. Lessons: none yet.\n"
    stored(lesson, tmp_path)
    assert call("run", "12").stderr == "There is no lesson 12. Lessons: 07.\n"


def test_lesson_without_a_full_budget_says_so(lesson, tmp_path):
    del lesson.metadata["cnnlab"]
    stored(lesson, tmp_path)
    result = call("run", "07", "--full")
    assert result.exit_code == 1
    assert result.stderr == "07_trial knows no full budget; run it as it is.\n"
