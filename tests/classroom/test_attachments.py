"""Pasted pictures: kept, bounded, harmless, and never the end of a page."""

import base64

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from cnnlab.classroom import feedback
from cnnlab.classroom.attachments import MAX_BYTES
from cnnlab.classroom.harmless import make_harmless
from cnnlab.classroom.restore import restore

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
DATA = f"data:image/png;base64,{PNG}"


def shown(cell):
    """Renders a cell as the feedback does."""
    return feedback._shown(make_harmless(new_notebook(cells=[cell])), {})


def restored(source, attachments):
    """Hands a text with pictures in; returns the cell that is graded."""
    cell = new_markdown_cell(source)
    cell["attachments"] = attachments
    submitted = nbformat.from_dict({"cells": [cell], "metadata": {}})
    return restore(submitted, new_notebook()).cells[0]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a.png", "a.png"),
        ("my picture.png", "my%20picture.png"),
        ("picture (1).png", "picture%20(1).png"),
        ("Bild ä.png", "Bild%20%C3%A4.png"),
        ("a'b.png", "a%27b.png"),
    ],
)
def test_a_pasted_picture_is_shown_whatever_its_name(name, written):
    cell = restored(f"![seen](attachment:{written})", {name: {"image/png": PNG}})
    assert DATA in shown(cell)


@pytest.mark.parametrize(
    "kinds",
    [
        {"image/svg+xml": "PHN2Zz4="},
        {"text/html": PNG},
        {"image/png": "<script>"},
        {"image/png": "PHN2Zz4="},
        {"image/png": "' onerror='alert(1)"},
        {"image/png": 7},
        {"image/png": PNG + "A" * MAX_BYTES},
        {},
        [],
        None,
    ],
)
def test_what_is_no_small_picture_is_left_out_and_said(kinds):
    cell = restored("See ![a](attachment:a.png)", {"a.png": kinds})
    assert "attachments" not in cell
    assert "a.png was left out" in cell.source
    assert "alert" not in shown(cell)


def test_pictures_are_bounded_in_all():
    many = {f"{n}.png": {"image/png": PNG} for n in range(30)}
    cell = restored("".join(f"![a](attachment:{n}.png)" for n in range(30)), many)
    assert len(cell.attachments) == 20
    assert cell.source.count("was left out") == 10
    nbformat.validate(new_notebook(cells=[cell]))
    shown(cell)


def test_a_picture_saved_in_lines_is_kept():
    cell = restored(
        "![a](attachment:a.png)", {"a.png": {"image/png": [PNG[:8], PNG[8:]]}}
    )
    assert DATA in shown(cell)
