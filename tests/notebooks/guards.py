"""What a stored lesson must be, beyond what nbval sees: each guard yields complaints.

Strict nbval passes a notebook without outputs, compares no pictures and knows nothing
of readers; these guards do.
"""

import ast
import json
import re
from pathlib import Path

BYTES = 1_000_000
LINES_PER_CELL = 20
START = "00_"  # the page that leads to the lessons
MACHINE_PATH = re.compile(
    r"(?<![\w.:/])/(?:home|root|Users|work|tmp|private|mnt|var|opt|usr)/[^\s\"'`)]*"
    r"|\b[A-Z]:\\\\?Users\\"
)
QUIET_START = "from cnnlab.start import quiet_start\n\nquiet_start()\n"
RULE_WITHOUT_VALUE = re.compile(
    r"^.*(?:lies between \S+ and|is at (?:least|most)) [-+]?\d\S*\.$", re.MULTILINE
)
BOUNDS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
LINK = re.compile(r"\]\((?!\w+:|#|attachment:)([^)\s#]+)[^)]*\)")


def has_outputs(notebook, path):
    if not any(cell.outputs for cell in _code(notebook)):
        yield "holds no outputs: execute it (make execute)"


def is_numbered_from_one(notebook, path):
    numbers = [cell.execution_count for cell in _code(notebook)]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"cells must be numbered 1 to {len(numbers)}. Received: {numbers}"


def stores_no_errors(notebook, path):
    for number, output in _outputs(notebook):
        if output.get("name") == "stderr":
            yield f"cell {number} stores stderr: {output.text[:60]!r}"
        if output.output_type == "error":
            yield f"cell {number} stores an error: {output.ename}"


def is_small(notebook, path):
    if (size := Path(path).stat().st_size) > BYTES:
        yield f"is over {BYTES / 1e6:g} MB. Received: {size / 1e6:.2f} MB"


def describes_its_figures(notebook, path):
    for number, output in _outputs(notebook):
        if "image/png" not in output.get("data", {}):
            continue
        if not output.metadata.get("image/png", {}).get("alt", "").strip():
            yield f"cell {number} shows a figure without alternative text"


def has_short_cells(notebook, path):
    """Leaves out the first cell: there is one of imports, as long as it must be."""
    for number, cell in list(enumerate(_code(notebook), 1))[1:]:
        if (lines := len(cell.source.splitlines())) > LINES_PER_CELL:
            yield f"cell {number} is over {LINES_PER_CELL} lines. Received: {lines}"


def names_no_machine(notebook, path):
    for found in sorted(set(MACHINE_PATH.findall(_text(notebook)))):
        yield f"holds a path of one machine: {found}"


def starts_quietly(notebook, path):
    first = next((cell.source for cell in _code(notebook)), "")
    if not first.startswith(QUIET_START):
        yield f"the first cell must begin with {QUIET_START!r}"


def shows_its_plots(notebook, path):
    for number, cell in enumerate(_code(notebook), 1):
        last = cell.source.splitlines()[-1]
        shown = [o for o in cell.outputs if o.output_type == "display_data"]
        if any("image/png" in o.data for o in shown) and last != "plt.show()":
            yield f"cell {number} plots and must end with plt.show(). Received: {last}"


def has_one_cell_of_parameters(notebook, path):
    if Path(path).name.startswith(START):  # it computes nothing
        return
    tagged = [c for c in _code(notebook) if "parameters" in c.metadata.get("tags", [])]
    if len(tagged) != 1:
        yield f"needs one cell tagged `parameters`. Received: {len(tagged)}"


def has_sound_links(notebook, path):
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    for target in LINK.findall("\n".join(prose)):
        place = Path(path).parent / target
        if not place.exists():
            yield f"links to what is not there: {target}"
        elif place.is_dir() or place.name.startswith("_"):
            yield f"links to what has no page in the book: {target}"


def prints_what_it_measures(notebook, path):
    for number, output in _outputs(notebook):
        for rule in RULE_WITHOUT_VALUE.findall(output.get("text", "")):
            yield f"cell {number} prints a rule in place of the value: {rule}"


def hides_its_checks(notebook, path):
    cells = _code(notebook)
    for number, cell in enumerate(cells, 1):
        if not _is_check(cell):
            continue
        if not cell.metadata.get("jupyter", {}).get("source_hidden"):
            yield f"cell {number} is a check and must be collapsed (source_hidden)"
        if not _asserts(cell):
            yield f"cell {number} is a check and must hold an assert"
        if not cell.source.startswith("# Check: "):  # JupyterLab shows this line
            yield f"cell {number} is a check and must begin with `# Check: ` and why"
        if cell.outputs:
            yield f"cell {number} is a check and must print nothing"


def checks_what_was_shown(notebook, path):
    """A check stands behind the cell, or another check of it, that shows the value."""
    before = None
    for number, cell in enumerate(_code(notebook), 1):
        if _is_check(cell) and not (before and (before.outputs or _is_check(before))):
            yield f"cell {number} is a check of what the cell before must print"
        before = cell


def keeps_bounds_in_checks(notebook, path):
    for number, cell in enumerate(_code(notebook), 1):
        tests = [] if _is_check(cell) else [each.test for each in _asserts(cell)]
        compared = [test.ops for test in tests if isinstance(test, ast.Compare)]
        if any(isinstance(op, BOUNDS) for ops in compared for op in ops):
            yield f"cell {number} asserts a bound and must be tagged `check`"


def parses_no_json(notebook, path):
    if Path(path).name.startswith(START):  # its map of the lessons is no record
        return
    for number, cell in enumerate(_code(notebook), 1):
        if "json.load" in cell.source:
            yield f"cell {number} parses JSON: `records.read` returns a table"


GUARDS = [
    has_outputs,
    is_numbered_from_one,
    stores_no_errors,
    is_small,
    describes_its_figures,
    has_short_cells,
    names_no_machine,
    starts_quietly,
    shows_its_plots,
    has_one_cell_of_parameters,
    has_sound_links,
    prints_what_it_measures,
    hides_its_checks,
    checks_what_was_shown,
    keeps_bounds_in_checks,
    parses_no_json,
]


def complaints(notebook, path):
    """Lists what every guard has to say about a notebook read from `path`."""
    return [complaint for guard in GUARDS for complaint in guard(notebook, path)]


def _code(notebook):
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]


def _is_check(cell):
    return "check" in cell.metadata.get("tags", [])


def _asserts(cell):
    """Lists the assert statements of a cell; a line of IPython's own is left out."""
    lines = cell.source.splitlines()
    code = "\n".join("" if line.startswith(("%", "!")) else line for line in lines)
    return [each for each in ast.walk(ast.parse(code)) if isinstance(each, ast.Assert)]


def _outputs(notebook):
    for number, cell in enumerate(_code(notebook), 1):
        for output in cell.outputs:
            yield number, output


def _text(notebook):
    """Everything readable: pictures are left out, as base64 may look like a path."""
    cells = json.loads(json.dumps(notebook.cells))
    for output in (o for cell in cells for o in cell.get("outputs", [])):
        for kind in [k for k in output.get("data", {}) if k.startswith("image/")]:
            del output["data"][kind]
    return json.dumps(cells, ensure_ascii=False)
