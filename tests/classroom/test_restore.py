"""Edited notebooks: every cell that a student wrote counts, wherever it ended up."""

import json
from copy import deepcopy

import nbformat
import pytest
from conftest import DOUBLE, TOTAL, tiny_source

from cnnlab.classroom import inside, notebooks
from cnnlab.classroom.restore import GONE, UNCLEAR, grade_id, restore

RELEASED = tiny_source()  # with solutions: what matters here is the order of cells
BLANK = "def double(x):\n    raise NotImplementedError\n"


def handed_in():
    """Returns a notebook as it would come back, answered rightly."""
    return deepcopy(RELEASED)


def at(notebook, name):
    """Finds a cell by its nbgrader name."""
    return next(i for i, c in enumerate(notebook.cells) if grade_id(c) == name)


def restored(notebook):
    """Restores a notebook; returns names, or sources of the student's own cells."""
    cells = restore(notebook, RELEASED).cells
    names = [grade_id(cell) for cell in cells if grade_id(cell)]
    assert sorted(names) == sorted(filter(None, map(grade_id, RELEASED.cells)))
    for cell in cells:
        original = next((c for c in RELEASED.cells if grade_id(c) == grade_id(cell)), 0)
        if original and not cell.metadata.get("nbgrader", {"solution": 1})["solution"]:
            assert cell.source == original.source
    return [grade_id(cell) or cell.source for cell in cells]


def runs(notebook, name):
    """Says whether a function's right definition stands before its test."""
    space, right = {}, {"double": DOUBLE, "total": TOTAL}[name]
    for cell in restore(notebook, RELEASED).cells:
        if grade_id(cell) == name:
            return space.get("source") == right
        if right.splitlines()[0] in cell.source:
            space["source"] = right if right in cell.source else "wrong"
    return False


def test_an_untouched_notebook_keeps_its_order():
    notebook = handed_in()
    assert restored(notebook)[1:] == [grade_id(cell) for cell in RELEASED.cells[1:]]


def copied_below(notebook):
    twin = deepcopy(notebook.cells[at(notebook, "answer-double")])
    notebook.cells[at(notebook, "answer-double")].source = BLANK
    notebook.cells.insert(at(notebook, "answer-double") + 1, twin)


def copy_of_a_test_at_the_top(notebook):
    notebook.cells.insert(1, deepcopy(notebook.cells[at(notebook, "double")]))


def moved_to_the_end(notebook):
    notebook.cells.append(notebook.cells.pop(at(notebook, "answer-double")))


def merged_with_the_test_above(notebook):
    answer = notebook.cells.pop(at(notebook, "answer-total"))
    notebook.cells[at(notebook, "double")].source += "\n\n" + answer.source


def merged_with_its_test(notebook):
    test = notebook.cells.pop(at(notebook, "double"))
    notebook.cells[at(notebook, "answer-double")].source += "\n\n" + test.source


def own_cell_instead(notebook):
    place = at(notebook, "answer-double")
    notebook.cells[place] = nbformat.v4.new_code_cell(notebook.cells[place].source)


def metadata_stripped(notebook):
    for cell in notebook.cells:
        cell.metadata = {}


def metadata_and_identifiers_stripped(notebook):
    for number, cell in enumerate(notebook.cells):
        cell.metadata, cell.id = nbformat.from_dict({}), f"new{number}"


def without_tests(notebook):
    del notebook.cells[at(notebook, "double")], notebook.cells[at(notebook, "total")]


def with_tests_at_the_top(notebook):
    for name in ("double", "total"):
        notebook.cells.insert(1, notebook.cells.pop(at(notebook, name)))


EDITS = [
    copied_below,
    copy_of_a_test_at_the_top,
    moved_to_the_end,
    merged_with_the_test_above,
    merged_with_its_test,
    own_cell_instead,
    metadata_stripped,
    metadata_and_identifiers_stripped,
    without_tests,
    with_tests_at_the_top,
]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("name", ["double", "total"])
def test_a_right_answer_stands_before_its_test(edit, name):
    notebook = handed_in()
    edit(notebook)
    restored(notebook)
    assert runs(notebook, name)


def test_a_missing_cell_of_an_answer_overwrites_nothing():
    notebook = handed_in()
    metadata_and_identifiers_stripped(notebook)
    cells = {grade_id(cell): cell for cell in restore(notebook, RELEASED).cells}
    assert cells["answer-double"].source == GONE
    assert cells["explain"].source == RELEASED.cells[-1].source


def test_a_written_answer_that_lost_its_name_waits_for_a_reader():
    notebook = handed_in()
    notebook.cells[-1] = nbformat.v4.new_markdown_cell("In my own words.")
    cells = {grade_id(cell): cell for cell in restore(notebook, RELEASED).cells}
    assert cells["explain"].source == UNCLEAR


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """The folder of a sandbox with the arguments of one case."""
    from cnnlab.classroom.exercise import case

    monkeypatch.chdir(tmp_path)
    inside.save_arguments(tmp_path, "f", [case(2.0, points=1, about="")])
    return tmp_path


def unfinished(x):
    raise NotImplementedError


@pytest.mark.parametrize("first", [None, unfinished])
def test_what_was_not_there_yet_is_asked_once_more(asked, first):
    inside.answer("f", first)
    inside.answer("f", lambda x: 2 * x, again=True)
    assert [each.name for each in asked.glob("f.0.*")] == ["f.0.npy"]


def test_an_answer_that_was_given_stays(asked):
    inside.answer("f", lambda x: 2 * x)
    before = (asked / "f.0.npy").read_bytes()
    inside.answer("f", lambda x: 3 * x, again=True)
    inside.answer("f", None, again=True)
    assert (asked / "f.0.npy").read_bytes() == before


def plain(**changes):
    """Returns the notebook as data, with changed keys."""
    return json.loads(nbformat.writes(handed_in())) | changes


def each_cell(change):
    """Changes every cell of the notebook as data."""
    content = plain()
    for cell in content["cells"]:
        change(cell)
    return content


def stream_without_name(cell):
    if cell["cell_type"] == "code":
        cell["outputs"] = [{"output_type": "stream", "text": ["a"]}]


FORMATS = {
    "identifiers in 4.4": plain(nbformat_minor=4),
    "minor version 9": plain(nbformat_minor=9),
    "extra key": plain(orig_nbformat_minor=0, more=[1]),
    "widgets": plain(metadata={"widgets": {"x": 1}}),
    "no outputs": each_cell(lambda cell: cell.pop("outputs", None)),
    "no counts": each_cell(lambda cell: cell.pop("execution_count", None)),
    "no identifiers": each_cell(lambda cell: cell.pop("id")),
    "same identifiers": each_cell(lambda cell: cell.update(id="same")),
    "no stream": each_cell(stream_without_name),
    "outputs of texts": each_cell(lambda cell: cell.update(outputs=[])),
    "extra keys of cells": each_cell(lambda cell: cell.update(vscode={"a": 1})),
    "odd identifiers": each_cell(lambda cell: cell.update(id="ä b" * 40)),
    "number as identifier": each_cell(lambda cell: cell.update(id=7)),
    "source in lines": each_cell(
        lambda cell: cell.update(source="".join(cell["source"]).splitlines(True))
    ),
    "no metadata of the notebook": {
        k: v for k, v in plain().items() if k != "metadata"
    },
    "no numbers of the format": {"cells": plain()["cells"]},
}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_whatever_jupyter_reads_is_read(kind, encoding):
    read = notebooks.read(json.dumps(FORMATS[kind]).encode(encoding))
    nbformat.validate(read)
    assert [cell.source for cell in read.cells] == [c.source for c in RELEASED.cells]
    assert list(map(grade_id, read.cells)) == list(map(grade_id, RELEASED.cells))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"7",
        b'{"cells": 7}',
        b'{"cells": [7]}',
        b'{"cells": [{"cell_type": "code", "source": 7}]}',
        b'{"cells": [{"cell_type": "__init__", "source": "x"}]}',
        b'{"cells": [{"cell_type": "code", "source": "\\ud800"}]}',
        b"\xff\xfe",
        b"\x80abc",
        b"[" * 100_000,
    ],
)
def test_what_is_no_notebook_is_said_in_one_sentence(content):
    with pytest.raises(ValueError, match="Save it again in JupyterLab"):
        notebooks.read(content)
