"""Pages: of what students wrote nothing acts, poses as ours, or stops a page."""

import base64
import re

import nbformat
import pytest
from conftest import acting
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from cnnlab.classroom import feedback
from cnnlab.classroom.harmless import make_harmless
from cnnlab.classroom.sanitize import Ours, clean

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
DATA = f"data:image/png;base64,{PNG}"
ACTING = ["input", "button", "textarea", "form", "svg", "iframe", "math", "label"]
RULES = {
    "style",
    "id",
    "class",
    "name",
    "title",
    "for",
    "target",
    "form",
    "data-toggle",
}


@pytest.mark.parametrize("name", sorted(RULES | {"onclick", "background", "srcset"}))
@pytest.mark.parametrize("tag", ["div", "a", "img", "p", "h1", "span", "details"])
def test_no_attribute_can_name_or_dress_an_element(tag, name):
    page = clean(f"<{tag} {name}='double'>x")
    assert page.startswith(f"<{tag}>")
    assert "double" not in page


@pytest.mark.parametrize("tag", [*ACTING, "select", "map", "base", "style"])
def test_an_element_that_acts_is_shown_as_text(tag):
    assert f"<{tag}" not in clean(f"<{tag} id=double>x</{tag}>")


@pytest.mark.parametrize(
    "source",
    [
        "/logout",
        "logout",
        "//a.example/b.png",
        "https://a.example/b.png",
        "data:image/svg+xml;base64,PHN2Zz4=",
        "data:text/html,x",
        " javascript:alert(1)",
        "attachment:a.png",
        "file:///etc/passwd",
        "",
    ],
)
def test_only_pictures_that_bring_their_bytes_are_shown(source):
    assert "src" not in clean(f"<img src='{source}' alt='a'>")
    assert DATA in clean(f"<img src='{DATA}'>")


@pytest.mark.parametrize(
    ("address", "stays"),
    [
        ("https://keras.io", True),
        ("mailto:ann@example.org", True),
        ("/logout", False),
        ("../api/grade", False),
        ("//a.example", False),
        ("#double", False),
        ("JavaScript:alert(1)", False),
        ("data:text/html,x", False),
        ("https:logout", False),
    ],
)
def test_links_lead_out_of_this_server(address, stays):
    assert ("href" in clean(f"<a href='{address}'>x</a>")) == stays


def test_what_teaches_stays():
    page = "<table><tr><td colspan='2'>1</td></tr></table><del>a</del><sub>b</sub>"
    assert "colspan" in clean(page)
    assert "<del>a</del><sub>b</sub>" in clean(page)
    assert clean("<style scoped>td{}</style><b>x</b>") == "<b>x</b>"
    assert clean(Ours("<b id='mine'>")) == "<b id='mine'>"


def test_a_fragment_cannot_close_the_page_around_it():
    assert "</div>" not in clean("</div></div><b>x")
    assert clean("<div><p>x").count("</") == 2


def test_deep_nesting_is_shown_as_text():
    assert clean("<div>" * 101 + "x").startswith("<pre>&lt;div&gt;")
    assert clean("<div>" * 99 + "x").startswith("<div>")


def unchecked(*cells):
    """Makes a notebook of cells that need not be valid."""
    return nbformat.from_dict({"cells": list(cells), "metadata": {}})


def shown(*cells, rows=None):
    """Renders cells as the feedback does."""
    notebook = make_harmless(new_notebook(cells=list(cells)))
    return feedback._shown(notebook, rows or {})


def forging_row():
    """Returns the marks of an exercise that earned nothing."""
    words = {"lines": ["Wrong."], "quoted": ["<i>its words</i>"]}
    return {"name": "double", "points": "0 of 2", "state": "none"} | words


def test_only_our_boxes_have_their_look():
    fake = feedback.BOX.render(row=forging_row() | {"points": "2 of 2"})
    cell = new_markdown_cell(f"{fake}</div></div></div>{fake}")
    cell.metadata.nbgrader = {"grade_id": "double"}
    output = new_output("display_data", data={"text/html": fake})
    code = new_code_cell("x", outputs=[output])
    page = shown(cell, code, rows={"double": forging_row()})
    assert len(re.findall('class="mark|id="mark', page)) == 2  # of one box
    assert "0 of 2" in page[page.index('class="mark') :]
    assert "<i>" not in page


def test_code_is_coloured_in_feedback():
    assert 'class="kn"' in shown(new_code_cell("import numpy"))


@pytest.mark.parametrize("count", ["<script>alert(1)</script>", -1, 10**9, 1.5, True])
def test_a_count_of_executions_is_a_whole_number(count):
    cell = new_code_cell("x")
    cell["execution_count"] = count
    assert make_harmless(unchecked(cell)).cells[0].execution_count is None


@pytest.mark.parametrize(
    "source",
    [
        "![a](attachment:lost.png)",
        "![a](attachment:)",
        "![a](attachment:my%20lost.png 'title')",
        "![a](<attachment:lost one.png>)",
        "[![a](attachment:lost.png)](attachment:lost.png)",
        "![a][1]\n\n[1]: attachment:lost.png",
        "![a](attachment&#58;lost.png)",
        "![a](attach\\ment:lost.png)",
        ">" * 5000 + "x",
        "".join(" " * n + "- a\n" for n in range(150)),
        "<div>" * 3000,
        "<b>" * 3000,
        "[" * 9000 + "]" * 9000,
    ],
)
def test_every_page_shows_every_text(source):
    notebook = new_notebook(cells=[new_markdown_cell(source), new_markdown_cell("end")])
    make_harmless(notebook)
    filters = {"clean_html": clean, "strip_files_prefix": clean}
    exporter = HTMLExporter(template_name="classic", filters=filters)
    page, _ = exporter.from_notebook_node(notebook)
    assert "<p>end</p>" in page
    assert acting(shown(*notebook.cells)) == []
