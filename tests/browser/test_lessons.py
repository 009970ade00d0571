"""Lessons in JupyterLab, in a browser: they run, they answer, and nothing leaves.

A push runs one notebook that holds every explorer, and one lesson, another every day;
at night all of them run.
"""

import datetime
import json
import re

import explorers
import pytest
import reader
from conftest import ROOT, Witness

LESSONS = [path.stem for path in sorted(ROOT.glob("notebooks/[0-9][0-9]_*.ipynb"))]
IN_TURN = LESSONS[datetime.date.today().toordinal() % len(LESSONS)]
NOTEBOOKS = [explorers.NAME, IN_TURN] + [
    pytest.param(name, marks=pytest.mark.nightly) for name in LESSONS if name != IN_TURN
]
EXPLORER = ".jp-OutputArea-output .cnnlab-explorer"  # the class that every one has
KNOBS = "select, input[type=number], .widget-readout[contenteditable]"
IS_LAST = "knob => knob.selectedIndex === knob.length - 1"
HANDLE = "[role=slider]"
ENDS = f"""knob => {{
    const handle = knob.parentElement.querySelector('{HANDLE}');
    return [Number(handle.ariaValueMin), Number(handle.ariaValueMax)];
}}"""
NOTEBOOK = """() => {
    const notebook = jupyterapp.shell.currentWidget.content;
    return [notebook.mode, notebook.activeCellIndex, notebook.model.cells.length];
}"""
DONE = """([explorer, before]) =>
    explorer.querySelector('.widget-html-content').innerHTML !== before"""


def turn(knob):
    """Changes a knob as a reader does who has a keyboard."""
    if knob.evaluate("knob => knob.tagName") == "SELECT":
        knob.press("ArrowUp" if knob.evaluate(IS_LAST) else "ArrowDown")
    elif knob.evaluate("knob => knob.isContentEditable"):
        first, last = knob.evaluate(ENDS)  # a slider takes no number between two steps
        knob.fill(str(first if knob.inner_text() == str(last) else last))
        knob.press("Enter")
    else:
        knob.press("ArrowUp")


@pytest.fixture(scope="module")
def address():
    reader.copy_course()
    explorers.write(reader.COURSE / "notebooks")
    with reader.served() as address:
        yield address


@pytest.fixture(scope="module", params=NOTEBOOKS)
def lesson(request, chromium, address):
    """A lesson after Run All: its witness, its name, its code cells."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    witness = Witness(context.new_page())
    reader.open_lesson(witness.page, address, request.param)
    witness.name, witness.cells = request.param, reader.run_all(witness.page)
    witness.page.screenshot(path=reader.PICTURES / "lessons" / f"{request.param}.png")
    yield witness
    witness.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    context.close()


def test_all_cells_ran_without_an_error(lesson):
    numbers = [cell["number"] for cell in lesson.cells if cell["number"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 1
    errors = [
        output
        for cell in lesson.cells
        for output in cell["outputs"]
        if output["output_type"] == "error" or output.get("name") == "stderr"
    ]
    assert errors == []


def test_keys_typed_on_a_knob_are_no_commands_to_the_notebook(lesson):
    """In command mode A, B, X and D D add, cut and delete cells, arrows leave
    them. Listed before the knobs are turned: what counts is how an explorer starts.
    """
    page = lesson.page
    for explorer in page.query_selector_all(EXPLORER):
        for knob in explorer.query_selector_all(f"{KNOBS}, {HANDLE}"):
            knob.focus()
            before = page.evaluate(NOTEBOOK)
            for key in ("a", "b", "x", "d", "d", "m", "ArrowUp", "ArrowDown", "Enter"):
                knob.press(key)
            assert page.evaluate(NOTEBOOK) == before
            assert explorer.is_visible()


def num_explorers(name):
    """Counts the cells of a lesson that ask for an explorer."""
    path = reader.COURSE / "notebooks" / f"{name}.ipynb"
    cells = json.loads(path.read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return len(re.findall(r"^\w+_explorer\(", "\n".join(code), re.MULTILINE))


def test_generated_notebook_holds_every_explorer_of_the_package():
    assert explorers.in_notebook() == explorers.of_the_package()


def test_every_explorer_of_the_lesson_is_there(lesson):
    shown = lesson.page.query_selector_all(EXPLORER)
    assert len(shown) == num_explorers(lesson.name)


def test_every_knob_of_every_explorer_answers(lesson):
    for index, explorer in enumerate(lesson.page.query_selector_all(EXPLORER)):
        explorer.scroll_into_view_if_needed()
        path = reader.PICTURES / "lessons" / f"{lesson.name}-explorer-{index + 1}.png"
        explorer.screenshot(path=path)
        knobs = explorer.query_selector_all(KNOBS)
        assert knobs
        for knob in knobs:
            reader.settle(lesson.page)  # no late answer to the knob before
            before = explorer.query_selector(".widget-html-content").inner_html()
            turn(knob)
            lesson.page.wait_for_function(DONE, arg=[explorer, before])


def test_the_page_complains_of_nothing_and_asks_no_other_host(lesson):
    assert (lesson.errors, lesson.foreign) == ([], [])


def test_a_reader_sees_the_table_of_contents_and_folded_answers(lesson):
    page = lesson.page
    assert page.locator(".jp-TableOfContents-tree").is_visible()
    assert page.locator(".jp-RenderedMarkdown details[open]").count() == 0


def num_checks(name):
    """Counts the cells of a lesson that are tagged `check`."""
    path = reader.COURSE / "notebooks" / f"{name}.ipynb"
    cells = json.loads(path.read_text())["cells"]
    return sum("check" in cell["metadata"].get("tags", []) for cell in cells)


def test_of_every_check_a_reader_sees_the_first_line_alone(lesson):
    folds = lesson.page.locator(".jp-InputPlaceholder").all_text_contents()
    checks = [text for text in folds if text.startswith("# Check: ")]
    assert len(checks) == num_checks(lesson.name)


def test_no_notice_of_news_or_updates_was_shown(lesson):
    assert lesson.page.locator(".Toastify__toast").all_inner_texts() == []


def test_settings_of_the_user_stay_as_they_are(lesson):
    """Listed last: whatever the lessons did before would have been written by now."""
    written = [path for path in reader.SETTINGS.glob("lab/**/*") if path.is_file()]
    assert written == []
