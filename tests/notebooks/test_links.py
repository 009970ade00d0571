"""Lessons lead to each other, to the first page and to practice; places exist."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
PAGES = {path.name[:2]: path for path in sorted(ROOT.glob("notebooks/[0-9]*.ipynb"))}
START = PAGES["00"]
LESSONS = {number: path for number, path in PAGES.items() if path != START}
CURRICULUM = json.loads((ROOT / "notebooks" / "curriculum.json").read_text())
LINK = re.compile(r"\]\((?!\w+:)([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def prose(path):
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def targets(path):
    """Every link of a page, as a file and a place in it."""
    for link in LINK.findall(prose(path)):
        file, _, place = link.partition("#")
        yield (path.parent / file).resolve() if file else path, unquote(place)


def wanted(number):
    """Where a lesson must lead: the first page and its neighbours."""
    yield START
    for neighbour in (int(number) - 1, int(number) + 1):
        if f"{neighbour:02}" in LESSONS:
            yield LESSONS[f"{neighbour:02}"]


@pytest.mark.parametrize("number", LESSONS)
def test_lesson_leads_to_first_page_and_neighbours(number):
    linked = {file for file, _ in targets(LESSONS[number])}
    assert [path.name for path in wanted(number) if path not in linked] == []


@pytest.mark.parametrize("number", LESSONS)
def test_lesson_names_the_command_of_its_assignment_and_not_its_solutions(number):
    assert list(ROOT.glob(f"assignments/source/{number}_*/*.ipynb"))
    assert f"`cnnlab check {number}`" in prose(LESSONS[number])
    assert "assignments/source" not in prose(LESSONS[number])


@pytest.mark.parametrize("path", PAGES.values(), ids=lambda path: path.stem)
def test_every_place_linked_to_is_a_heading(path):
    """JupyterLab names a heading by its text, with hyphens for spaces."""
    for file, place in targets(path):
        if file.suffix == ".ipynb" and place:
            places = {title.replace(" ", "-") for title in HEADING.findall(prose(file))}
            assert place in places, f"{file.name}#{place}"


@pytest.mark.parametrize("number", LESSONS)
def test_the_map_names_every_lesson(number):
    assert f"{number}_{CURRICULUM[number]['slug']}" == LESSONS[number].stem


def test_a_lesson_needs_lessons_that_stand_before_it():
    for number, lesson in CURRICULUM.items():
        assert all(need in CURRICULUM and need < number for need in lesson["needs"])
