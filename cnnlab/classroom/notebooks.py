"""Notebooks as students' programs write them: whatever Jupyter reads is read.

Colab, VS Code and old versions of Jupyter leave out keys, add others, or mix versions
of the format. Only texts, pictures and nbgrader's names are used of a submission, so a
notebook that is not valid is built anew from those.
"""

import json
from pathlib import Path

import nbformat
from nbconvert.exporters import NotebookExporter

KINDS = ("code", "markdown", "raw")
HEADING = "heading"  # a kind of cell in version 3
WRONG = "The file is not a Jupyter notebook. Save it again in JupyterLab."
DAMAGED = "The notebook is damaged (it is not JSON). Save it again in JupyterLab."


def read(content):
    """Reads a notebook in any form that Jupyter has written.

    Args:
        content: Bytes of the file.

    Returns:
        A valid notebook of version 4.

    Raises:
        ValueError: If it is none; the text is meant for the student.
    """
    try:
        text = content.decode(_encoding(content))
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(DAMAGED) from None
    try:
        if _is_valid(found):
            return nbformat.reads(text, as_version=4)
        return _rebuilt(found)
    except Exception:  # of nbformat, or whatever odd data raise
        raise ValueError(WRONG) from None


def _encoding(content):
    """Names the encoding of JSON: UTF-8, perhaps with a mark, or with a mark UTF-16."""
    return "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _is_valid(found):
    """Says whether data are a notebook of version 4 as they stand."""
    try:
        json.dumps(found, ensure_ascii=False).encode()  # or it is no text
        nbformat.validate(nbformat.from_dict(found), repair_duplicate_cell_ids=False)
    except Exception:
        return False
    return found["nbformat"] == 4


def _rebuilt(found):
    """Builds a notebook from the parts of another that grading uses."""
    if isinstance(found.get("worksheets"), list):
        found["cells"] = [c for sheet in found["worksheets"] for c in sheet["cells"]]
    cells, seen = [_cell(each) for each in found["cells"]], set()
    for number, cell in enumerate(cells):
        if cell["id"] in seen:
            cell["id"] = f"cell-{number}"
        seen.add(cell["id"])
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbformat.validate(notebook)
    json.dumps(notebook, ensure_ascii=False).encode()  # or it is no text
    return notebook


def _cell(found):
    kind = found["cell_type"]
    source = _joined(found.get("source", found.get("input", "")))
    if kind == HEADING:
        kind, source = "markdown", "#" * int(found.get("level", 1)) + f" {source}"
    if kind not in KINDS:
        raise ValueError(f"no kind of cell: {kind}")
    cell = getattr(nbformat.v4, f"new_{kind}_cell")(source)
    if _is_identifier(found.get("id")):
        cell["id"] = found["id"]
    metadata = found.get("metadata")
    marker = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if isinstance(marker, dict):
        cell.metadata["nbgrader"] = nbformat.from_dict(marker)
    if kind == "markdown" and isinstance(found.get("attachments"), dict):
        pictures = found["attachments"].items()
        kept = {name: each for name, each in pictures if isinstance(each, dict)}
        cell["attachments"] = nbformat.from_dict(kept)
    return cell


def _joined(text):
    if isinstance(text, list):
        text = "".join(text)
    if not isinstance(text, str):
        raise ValueError("the source of a cell is no text")
    return text


def _is_identifier(text):
    plain = isinstance(text, str) and text.replace("-", "").replace("_", "").isalnum()
    return plain and text.isascii() and len(text) <= 64


class AnyNotebook(NotebookExporter):
    """Reads what nbgrader autogrades; otherwise nbgrader is stricter than Jupyter."""

    def from_file(self, file_stream, resources=None, **options):
        """Converts a notebook from a file that was opened by its name."""
        notebook = read(Path(file_stream.name).read_bytes())
        return self.from_notebook_node(notebook, resources=resources, **options)
