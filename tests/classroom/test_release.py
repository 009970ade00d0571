"""Student versions: nothing of a solution, everything a student needs."""

import nbformat
import pytest
from conftest import ASSIGNMENTS, TINY, make_course, tiny_source

from cnnlab.classroom import exercise, practice
from cnnlab.classroom.autograde import restore
from cnnlab.classroom.errors import CourseError
from cnnlab.classroom.release import _swap, leaks, release, secrets

NAMES = sorted(path.name for path in (ASSIGNMENTS / "source").glob("[0-9][0-9]_*"))


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with every assignment, released."""
    return make_course(tmp_path_factory.mktemp("release"), *NAMES)


@pytest.mark.parametrize("name", [TINY, *NAMES])
def test_no_secret_line_is_in_any_file_that_is_handed_out(course, name):
    source = nbformat.read(course.source(name), as_version=4)
    assert len(secrets(source)) > 5
    files = [p for p in (course.root / "release" / name).rglob("*") if p.is_file()]
    assert files
    for path in files:
        text = path.read_text()
        for line in secrets(source):
            assert line not in text
            assert line.replace('"', '\\"') not in text


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_line_is_in_a_notebook_for_practice(tmp_path, name):
    path = ASSIGNMENTS / "source" / name / f"{name}.ipynb"
    practice.start(path, tmp_path / "mine.ipynb")
    source = nbformat.read(path, as_version=4)
    assert not leaks(source, (tmp_path / "mine.ipynb").read_text())


def test_no_secret_line_is_in_the_gradebook(course):
    secret = secrets(nbformat.read(course.source(TINY), as_version=4))
    content = (course.root / "gradebook.db").read_bytes().decode("latin-1")
    assert not [line for line in secret if line in content]


@pytest.fixture
def source(course):
    """The tiny source, to be spoilt; it is put back afterwards."""
    path = course.source(TINY)
    whole = path.read_bytes()
    yield nbformat.read(path, as_version=4)
    path.write_bytes(whole)
    release(course, TINY)


SECRET = "return 2 * x  # the-solution-of-double"


def spoil(source, where):
    """Leaves a line of a solution somewhere in a source."""
    if where == "metadata":
        source.metadata.author = SECRET
    elif where == "of a cell":
        tip = {"tip": SECRET}
        source.cells.append(nbformat.v4.new_code_cell("", metadata=tip))
    elif where == "output":
        output = nbformat.v4.new_output("stream", text=SECRET)
        source.cells[1].outputs.append(output)
    elif where == "attachment":
        source.cells[-1].attachments = {"a.png": {"image/png": SECRET}}
    else:
        source.cells.append(nbformat.v4.new_markdown_cell(f"Answer: `{SECRET}`"))


PLACES = ("metadata", "of a cell", "output", "attachment")


@pytest.mark.parametrize("where", PLACES)
def test_nothing_beside_the_text_of_cells_is_handed_out(course, source, where):
    spoil(source, where)
    nbformat.write(source, course.source(TINY))
    assert "the-solution" not in release(course, TINY).read_text()


@pytest.mark.parametrize("where", PLACES)
def test_nothing_beside_the_text_of_cells_is_practised_on(tmp_path, source, where):
    spoil(source, where)
    nbformat.write(source, tmp_path / "source.ipynb")
    practice.start(tmp_path / "source.ipynb", tmp_path / "mine.ipynb")
    assert "the-solution" not in (tmp_path / "mine.ipynb").read_text()


def test_a_leak_in_the_text_stops_the_release(course, source):
    spoil(source, "text")
    nbformat.write(source, course.source(TINY))
    before = handed_out(course)
    with pytest.raises(CourseError, match="the-solution-of-double"):
        release(course, TINY)
    assert handed_out(course) == before


def handed_out(course):
    """Returns the released files, and the cells that the gradebook knows."""
    folder = course.root / "release" / TINY
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert not list(course.root.glob(".release-*"))
    with course.gradebook() as gradebook:
        cells = gradebook.find_notebook(TINY, TINY).source_cells
        return files, {cell.name: cell.source for cell in cells}


def rename_total(source):
    """Renames an exercise of the source."""
    for cell in source.cells:
        marker = cell.metadata.get("nbgrader", {})
        marker["grade_id"] = marker.get("grade_id", "").replace("total", "summed")
        cell.source = cell.source.replace("def total", "def summed")
        cell.source = cell.source.replace("check(total", "check(summed")


def test_what_cannot_be_built_leaves_the_version_before(course, source):
    before = handed_out(course)
    rename_total(source)
    source.cells[1].metadata.nbgrader.grade_id = "answer-summed"  # twice
    nbformat.write(source, course.source(TINY))
    with pytest.raises(CourseError, match=f"nbgrader stopped at {TINY}.*answer-summed"):
        release(course, TINY)
    assert handed_out(course) == before


def test_a_source_that_does_not_run_is_one_line(course, source):
    before = handed_out(course)
    source.cells[0].source = "import no_such_module"
    nbformat.write(source, course.source(TINY))
    with pytest.raises(CourseError, match="does not run: ModuleNotFoundError"):
        release(course, TINY)
    assert handed_out(course) == before


def test_a_release_that_cannot_be_put_in_place_leaves_the_one_before(tmp_path):
    (tmp_path / "before").mkdir()
    with pytest.raises(FileNotFoundError):
        _swap(tmp_path / "gone", tmp_path / "before", tmp_path / "aside")
    assert (tmp_path / "before").is_dir()


def test_a_leak_in_a_file_beside_the_notebook_stops_the_release(course, source):
    beside = course.source(TINY).with_name("solution.py")
    beside.write_text(SECRET)
    with pytest.raises(CourseError, match="in solution.py"):
        release(course, TINY)
    beside.unlink()
    assert not (course.root / "release" / TINY / "solution.py").exists()


def test_the_points_of_the_cases_are_those_of_the_cell(tmp_path):
    notebook = tiny_source()
    notebook.cells[2].metadata.nbgrader.points = 7
    nbformat.write(notebook, tmp_path / "source.ipynb")
    with pytest.raises(ValueError, match="Received: 2 of 7 in 'double'"):
        exercise.read(tmp_path / "source.ipynb")


def test_a_test_cell_names_a_function_and_has_a_hidden_part(tmp_path):
    notebook = tiny_source()
    notebook.cells[2].source = "check(double(1), 2)"
    nbformat.write(notebook, tmp_path / "source.ipynb")
    with pytest.raises(ValueError, match="has a hidden part. Received: 'double'"):
        exercise.read(tmp_path / "source.ipynb")


def test_restoring_keeps_answers_and_extra_cells_in_their_order(course):
    released = course.released(TINY)
    mine = course.released(TINY)
    mine.cells[1].source = "def double(x):\n    return helper(x)"
    mine.cells.insert(1, nbformat.v4.new_code_cell("def helper(x):\n    return 2 * x"))
    mine.cells[3].source = "pass"
    restored = restore(mine, released)
    assert [c.source for c in restored.cells[:3]] == [c.source for c in mine.cells[:3]]
    assert restored.cells[3].source == "pass"  # it may be a part of the answer
    assert restored.cells[4].source == released.cells[2].source


def test_restoring_puts_missing_cells_behind_their_predecessor(course):
    released = course.released(TINY)
    empty = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("Mine")])
    names = [c.metadata.get("nbgrader", {}).get("grade_id") for c in released.cells]
    restored = [
        c.metadata.get("nbgrader", {}).get("grade_id")
        for c in restore(empty, released).cells
    ]
    assert [name for name in restored if name] == [name for name in names if name]
