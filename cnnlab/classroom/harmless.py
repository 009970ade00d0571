"""What students wrote and displayed, made harmless to whoever looks at it.

The formgrader shows a notebook as a page that may change marks, so nothing in it may
act. A page is also bounded: cleaning deeply nested HTML takes minutes.
"""

import re
from html import escape

import nbformat

from cnnlab.classroom.attachments import without_missing
from cnnlab.classroom.sanitize import can_be_shown, clean

MOST = 20_000  # characters of one cell or output
MOST_RICH = 200_000  # characters of all that has to be parsed: sources and HTML
MOST_TAGS = 2000  # of one output
MOST_OUTPUTS = 100  # of one cell
CUT = "\n[cut: too long to be shown]"
PLAIN = ("text/plain", "text/latex")
IMAGES = ("image/png", "image/jpeg")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")


def make_harmless(notebook):
    """Bounds and cleans an executed notebook, in place.

    Args:
        notebook: A notebook whose outputs may hold anything.

    Returns:
        The notebook: texts of bounded length, outputs of few kinds, no metadata of
        outputs, no widgets, counts of executions that are whole numbers, and Markdown
        that every page of Jupyter can show.
    """
    notebook.metadata.pop("widgets", None)
    left = MOST_RICH
    for cell in notebook.cells:
        cell.source = _cut(cell.source, left)
        left -= len(cell.source)
        if cell.cell_type == "markdown":
            _make_showable(cell)
        if cell.cell_type != "code":
            continue
        cell.execution_count = _number(cell.get("execution_count"))
        given, cell.outputs = cell.outputs[:MOST_OUTPUTS], []
        for output in given:
            cell.outputs.append(_output(output, left))
            left -= len(output.get("data", {}).get("text/html", ""))
    return notebook


def _number(value):
    """Returns a count of executions; what a kernel sends instead is none."""
    plain = type(value) is int and 0 <= value < 10**6
    return value if plain else None


def _make_showable(cell):
    """Turns Markdown that no page can show, a lost picture above all, into text."""
    attachments = cell.get("attachments", {})
    if can_be_shown(cell.source, attachments):
        return
    cell.source = without_missing(cell.source, attachments)
    if not can_be_shown(cell.source, attachments):
        lines = escape(cell.source).splitlines()
        cell.source = "".join(f"    {line}\n" for line in lines)


def _cut(text, left=MOST):
    text, most = str(text), max(0, min(left, MOST))
    return text if len(text) <= most else text[:most] + CUT


def _output(output, left):
    """Makes an output anew from the parts of it that cannot act."""
    if output.output_type == "stream":
        return nbformat.v4.new_output("stream", text=_cut(output.text))
    if output.output_type == "error":
        names = {name: _cut(output.get(name, "")) for name in ("ename", "evalue")}
        lines = [_cut(line) for line in output.get("traceback", [])[:MOST_OUTPUTS]]
        return nbformat.v4.new_output("error", traceback=lines, **names)
    given, data = output.get("data", {}), {}
    for kind in PLAIN:
        if isinstance(given.get(kind), str):
            data[kind] = _cut(given[kind])
    for kind in IMAGES:
        if isinstance(given.get(kind), str) and BASE64.fullmatch(given[kind]):
            data[kind] = given[kind]
    page = given.get("text/html")
    if isinstance(page, str) and _is_small(page, left):
        data["text/html"] = clean(page)
    return nbformat.v4.new_output("display_data", data=data)


def _is_small(page, left):
    return len(page) <= min(left, MOST) and page.count("<") <= MOST_TAGS
