"""A submission put back into what was released: a student's answers, and no more.

Students copy, split, merge, move and delete cells, and some programs strip what marks
them. So every code cell that a student wrote is kept in its order, and each test stands
behind the last cell that can hold its answer.
"""

from copy import deepcopy

import nbformat

from cnnlab.classroom.attachments import Attachments

GONE = "# The cell of this answer was deleted; other cells may hold the answer."
UNCLEAR = (
    "*The cell of this answer was deleted. The student's own texts stand elsewhere in "
    "this notebook.*"
)


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
    notebook = deepcopy(released)
    notebook.cells = _Restored(released).cells(submitted)
    return notebook


class _Restored:
    """Sorts a student's cells and remembers behind which of them tests belong."""

    def __init__(self, released):
        self.known = {grade_id(cell): cell for cell in released.cells if grade_id(cell)}
        self.by_id = {cell.get("id"): name for name, cell in self.known.items()}
        self.by_text = {_text(c): n for n, c in self.known.items() if not _is_answer(c)}
        self.given = {_text(cell) for cell in released.cells}
        self.own, self.places, self.pictures = [], {}, Attachments()

    def cells(self, submitted):
        """Returns the cells of the restored notebook."""
        for cell in submitted.cells:
            self._sort(cell, self._name(cell))
        behind = self._behind()
        restored = list(behind.get(-1, ()))
        for index, cell in enumerate(self.own):
            restored += [cell, *behind.get(index, ())]
        return restored

    def _name(self, cell):
        """Finds which released cell this one was, also without its metadata."""
        name = grade_id(cell)
        if name is None:
            name = self.by_id.get(cell.get("id"), self.by_text.get(_text(cell)))
        return name if name in self.known else None

    def _sort(self, cell, name):
        """Keeps what a student wrote in one cell, and notes where a name occurred."""
        if name is None:
            self.own.append(_plain(cell, self.pictures))
        elif _is_answer(self.known[name]) and name not in self.places:
            self.own.append(_answered(self.known[name], cell, self.pictures))
        elif _is_answer(self.known[name]):
            self.own.append(_plain(cell, self.pictures))
        elif more := _added(self.known[name], cell):
            self.own.append(nbformat.v4.new_code_cell(more))
        self.places[name] = len(self.own) - 1

    def _behind(self):
        """Says which released cells stand behind which cell of the student's."""
        behind, last = {}, -1
        for name, cell in self.known.items():
            own, answer = self.places.get(name), self.places.get(f"answer-{name}")
            found = [place for place in (own, answer) if place is not None]
            last = max(found, default=last)
            if _is_answer(cell) and own is not None:
                continue  # it stands where the student has it
            missing = self._missing(cell) if _is_answer(cell) else deepcopy(cell)
            behind.setdefault(last, []).append(missing)
        return behind

    def _missing(self, released):
        """Stands in for an answer's cell that did not come back."""
        cell = deepcopy(released)
        if cell.cell_type == "code":
            cell.source = GONE
        elif any(c.cell_type == "markdown" and self._is_new(c) for c in self.own):
            cell.source = UNCLEAR
        return cell

    def _is_new(self, cell):
        return _text(cell) not in self.given and _text(cell) != ""


def _is_answer(cell):
    return bool(cell.metadata.nbgrader.get("solution"))


def _text(cell):
    return cell.source.strip()


def _answered(released, submitted, pictures):
    cell = deepcopy(released)
    cell.source = submitted.source
    if cell.cell_type != "code":
        pictures.copy(submitted, cell)
    return cell


def _added(released, submitted):
    """Returns the code that a student wrote into a cell which is put back."""
    text = _text(submitted)
    if submitted.cell_type != "code" or released.cell_type != "code":
        return ""
    return text.replace(_text(released), "", 1).strip()


def _plain(submitted, pictures):
    make = {
        "code": nbformat.v4.new_code_cell,
        "markdown": nbformat.v4.new_markdown_cell,
    }.get(submitted.cell_type, nbformat.v4.new_raw_cell)
    cell = make(submitted.source)
    if submitted.cell_type == "markdown":
        pictures.copy(submitted, cell)
    return cell


def grade_id(cell):
    """Returns a cell's grade id; whatever else stands in its place is none."""
    marker = cell.metadata.get("nbgrader")
    name = marker.get("grade_id") if isinstance(marker, dict) else None
    return name if isinstance(name, str) else None
