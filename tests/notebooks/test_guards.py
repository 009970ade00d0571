"""The guards refuse what they should, and every stored lesson passes them."""

from pathlib import Path

import guards
import nbformat
import pytest
from nbformat import v4

ROOT = Path(__file__).parents[2]
LESSONS = sorted(ROOT.glob("notebooks/*.ipynb"))
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "data/README.md", "assignments/README.md"]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson_passes_every_guard(path):
    assert guards.complaints(nbformat.read(path, as_version=4), path) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_document_links_to_what_is_there(document):
    prose = v4.new_markdown_cell((ROOT / document).read_text())
    notebook = v4.new_notebook(cells=[prose])
    assert list(guards.has_sound_links(notebook, ROOT / document)) == []


def figure(metadata):
    return v4.new_output("display_data", {"image/png": "iVBO"}, metadata=metadata)


def printed(text, name="stdout"):
    return v4.new_output("stream", name=name, text=text)


def check_cell(source="# Check: guessing has 0.1.\nassert SEED >= 0", number=4):
    return v4.new_code_cell(
        source,
        execution_count=number,
        metadata={"jupyter": {"source_hidden": True}, "tags": ["check"]},
    )


@pytest.fixture
def lesson():
    start = v4.new_code_cell(
        "from cnnlab.start import quiet_start\n\nquiet_start()\n\nimport keras",
        execution_count=1,
    )
    parameters = v4.new_code_cell(
        "SEED = 0", execution_count=2, metadata={"tags": ["parameters"]}
    )
    code = v4.new_code_cell("print(SEED)\nplt.show()", execution_count=3)
    code.outputs = [
        printed("0\n"),
        figure({"image/png": {"alt": "A horizontal line."}}),
    ]
    prose = v4.new_markdown_cell(
        "See [itself](lesson.ipynb#part) or [it](https://a.b)."
    )
    return v4.new_notebook(cells=[prose, start, parameters, code])


@pytest.fixture
def complain(lesson, tmp_path):
    def write_and_judge():
        path = tmp_path / "lesson.ipynb"
        nbformat.write(lesson, path)
        return guards.complaints(lesson, path)

    return write_and_judge


def test_sound_lesson_passes(complain):
    assert complain() == []


def test_lesson_without_outputs_is_refused(lesson, complain):
    lesson.cells[3].outputs = []
    assert complain() == ["holds no outputs: execute it (make execute)"]


@pytest.mark.parametrize("count", [None, 1, 7])
def test_gap_in_the_numbers_is_refused(lesson, complain, count):
    lesson.cells[3].execution_count = count
    assert complain() == [f"cells must be numbered 1 to 3. Received: [1, 2, {count}]"]


def test_stored_stderr_is_refused(lesson, complain):
    lesson.cells[3].outputs.append(printed("oneDNN is on", name="stderr"))
    assert complain() == ["cell 3 stores stderr: 'oneDNN is on'"]


def test_stored_error_is_refused(lesson, complain):
    lesson.cells[3].outputs.append(v4.new_output("error", ename="ValueError"))
    assert complain() == ["cell 3 stores an error: ValueError"]


def test_large_file_is_refused(lesson, complain):
    lesson.cells[3].outputs.append(printed("0" * 1_000_000))
    assert complain() == ["is over 1 MB. Received: 1.00 MB"]


@pytest.mark.parametrize("metadata", [{}, {"image/png": {"alt": " "}}])
def test_figure_without_alternative_text_is_refused(lesson, complain, metadata):
    lesson.cells[3].outputs.append(figure(metadata))
    assert complain() == ["cell 3 shows a figure without alternative text"]


def test_long_cell_is_refused(lesson, complain):
    lesson.cells[3].source = "SEED\n" * 20 + "plt.show()"
    assert complain() == ["cell 3 is over 20 lines. Received: 21"]


@pytest.mark.parametrize(
    "source", ["import keras", "import keras\n\nquiet_start()", "# quiet_start()"]
)
def test_loud_start_is_refused(lesson, complain, source):
    lesson.cells[1].source = source
    (complaint,) = complain()
    assert complaint.startswith("the first cell must begin with")


@pytest.mark.parametrize("last", ["figures.curves(histories)", "plt.show(); 1"])
def test_plot_that_is_not_shown_is_refused(lesson, complain, last):
    lesson.cells[3].source = f"print(SEED)\n{last}"
    assert complain() == [
        f"cell 3 plots and must end with plt.show(). Received: {last}"
    ]


@pytest.mark.parametrize("path", ["/home/ada/cnnlab", "/Users/ada", "/tmp/x.png"])
def test_path_of_a_machine_is_refused(lesson, complain, path):
    lesson.cells[3].outputs.append(printed(f"read {path}\n"))
    (complaint,) = complain()
    assert complaint.startswith(f"holds a path of one machine: {path}")


def test_address_is_no_path_of_a_machine(lesson, complain):
    lesson.cells[0].source += " [docs](https://keras.io/home/ada) and a/home/ada"
    assert complain() == []


@pytest.mark.parametrize("tags", [[], ["other"]])
def test_missing_parameters_are_refused(lesson, complain, tags):
    lesson.cells[2].metadata.tags = tags
    assert complain() == ["needs one cell tagged `parameters`. Received: 0"]


def test_first_page_needs_no_parameters(lesson, tmp_path):
    lesson.cells[1].metadata.tags = []
    path = tmp_path / "00_start_here.ipynb"
    assert list(guards.has_one_cell_of_parameters(lesson, path)) == []


def test_broken_link_is_refused(lesson, complain):
    lesson.cells[0].source += " [the room](../cnnlab/nowhere.py#L3)"
    assert complain() == ["links to what is not there: ../cnnlab/nowhere.py"]


@pytest.mark.parametrize("name", ["data", "__init__.py"])
def test_link_to_what_the_book_has_no_page_for_is_refused(lesson, tmp_path, name):
    (tmp_path / "data").mkdir()
    (tmp_path / "__init__.py").touch()
    lesson.cells[0].source += f" [it]({name})"
    complaints = guards.has_sound_links(lesson, tmp_path / "02_x.ipynb")
    assert f"links to what has no page in the book: {name}" in complaints


@pytest.mark.parametrize(
    "rule",
    [
        "the accuracy lies between 0.35 and 0.97.",
        "points changed lies between -10 and 25.",
        "the share of dead units (%), is at least 40.",
        "its loss after one epoch is at most 2.3.",
    ],
)
def test_rule_without_its_value_is_refused(lesson, complain, rule):
    lesson.cells[3].outputs.append(printed(f"epoch 1\n{rule}\n"))
    assert complain() == [f"cell 3 prints a rule in place of the value: {rule}"]


@pytest.mark.parametrize(
    "value",
    [
        "accuracy 93.1 %",
        "`rate` is at least 0. Received: -1",
        "this edge lies between two fields.",
    ],
)
def test_value_and_an_error_are_no_rule_without_a_value(lesson, complain, value):
    lesson.cells[3].outputs.append(printed(f"{value}\n"))
    assert complain() == []


def test_checks_behind_a_value_pass(lesson, complain):
    lesson.cells += [check_cell(), check_cell(number=5)]
    assert complain() == []


def test_open_check_is_refused(lesson, complain):
    lesson.cells.append(check_cell())
    del lesson.cells[4].metadata["jupyter"]
    (complaint,) = complain()
    assert complaint == "cell 4 is a check and must be collapsed (source_hidden)"


def test_check_without_an_assert_is_refused(lesson, complain):
    lesson.cells.append(check_cell("# Check: nothing.\nSEED >= 0"))
    assert complain() == ["cell 4 is a check and must hold an assert"]


def test_check_that_does_not_say_why_is_refused(lesson, complain):
    lesson.cells.append(check_cell("assert SEED >= 0"))
    assert complain() == ["cell 4 is a check and must begin with `# Check: ` and why"]


def test_check_that_prints_is_refused(lesson, complain):
    lesson.cells.append(check_cell())
    lesson.cells[4].outputs = [printed("0\n")]
    assert complain() == ["cell 4 is a check and must print nothing"]


def test_check_of_what_nobody_saw_is_refused(lesson, complain):
    silent = v4.new_code_cell("SEED + 1;", execution_count=4)
    lesson.cells += [silent, check_cell(number=5)]
    assert complain() == ["cell 5 is a check of what the cell before must print"]


@pytest.mark.parametrize("bound", ["SEED >= 0", "0 < SEED <= 1"])
def test_bound_outside_a_check_is_refused(lesson, complain, bound):
    lesson.cells[3].source = f"for _ in [1]:\n    assert {bound}\nplt.show()"
    assert complain() == ["cell 3 asserts a bound and must be tagged `check`"]


def test_exact_fact_may_be_asserted_where_it_is_taught(lesson, complain):
    lesson.cells[3].source = "%matplotlib inline\nassert SEED == 0\nplt.show()"
    assert complain() == []


@pytest.mark.parametrize("call", ["json.loads(text)", "json.load(file)"])
def test_json_in_a_lesson_is_refused_and_not_on_the_first_page(lesson, complain, call):
    lesson.cells[3].source = f"runs = {call}\nplt.show()"
    assert complain() == ["cell 3 parses JSON: `records.read` returns a table"]
    assert list(guards.parses_no_json(lesson, "00_start_here.ipynb")) == []
