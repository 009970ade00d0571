"""A submission put back into what was released: a student's answers, and no more."""

from copy import deepcopy

import nbformat

from cnnlab.classroom.attachments import Attachments


def restore(submitted, released):
    """Puts the released cells back around a student's answers.

    Of a submission only the text of its cells and the pictures in its texts are used:
    no output and no metadata, so that nothing in it can claim to be something else.

    Args:
        submitted: The notebook that came back.
        released: The notebook that was handed out.

    Returns:
        A notebook with every released nbgrader cell exactly once.
    """
    known = {grade_id(cell): cell for cell in released.cells if grade_id(cell)}
    cells, present, pictures = [], set(), Attachments()
    for cell in submitted.cells:
        name = grade_id(cell)
        if name in known and name not in present:
            present.add(name)
            cells.append(_kept(known[name], cell, pictures))
        else:
            cells.append(_plain(cell, pictures))
    _insert_missing(cells, known, present)
    notebook = deepcopy(released)
    notebook.cells = cells
    return notebook


def _kept(released, submitted, pictures):
    cell = deepcopy(released)
    if released.metadata.nbgrader.get("solution"):
        cell.source = submitted.source
        if cell.cell_type != "code":
            pictures.copy(submitted, cell)
    return cell


def _plain(submitted, pictures):
    make = {
        "code": nbformat.v4.new_code_cell,
        "markdown": nbformat.v4.new_markdown_cell,
    }.get(submitted.cell_type, nbformat.v4.new_raw_cell)
    cell = make(submitted.source)
    if submitted.cell_type == "markdown":
        pictures.copy(submitted, cell)
    return cell


def _insert_missing(cells, known, present):
    position = 0
    for name, cell in known.items():
        if name not in present:
            cells.insert(position, deepcopy(cell))
        position = 1 + next(i for i, c in enumerate(cells) if grade_id(c) == name)


def grade_id(cell):
    """Returns a cell's grade id; whatever else stands in its place is none."""
    marker = cell.metadata.get("nbgrader")
    name = marker.get("grade_id") if isinstance(marker, dict) else None
    return name if isinstance(name, str) else None
