"""A page for each student: the own notebook, the marks, and what went wrong.

It is made from the autograded notebook, which never contained a hidden test, and from
the gradebook's rows of this one student.
"""

from html import escape

import nbformat
from jinja2 import Environment
from nbconvert import HTMLExporter
from nbconvert.preprocessors.sanitize import SanitizeHTML

from cnnlab.classroom.grade import read_record

TAGS = ["p", "div", "pre", "span", "br", "hr", "img", "details", "summary", "sup"]
TAGS += ["h1", "h2", "h3", "h4", "table", "thead", "tbody", "tr", "th", "td"]
PAGE = Environment(autoescape=True).from_string("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title><style>
body { font: 16px/1.5 sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
pre { background: #f4f4f4; padding: .6rem; overflow-x: auto; white-space: pre-wrap }
table { border-collapse: collapse } td, th { padding: .2rem .8rem; text-align: left }
.mark { border-left: .4rem solid #36c; background: #eef3fc; padding: .4rem .8rem }
.mark pre { background: none; margin: 0 } img { max-width: 100% }
.jp-InputPrompt, .jp-OutputPrompt, .prompt, .anchor-link { display: none }
</style></head><body><h1>{{ title }}</h1><p>{{ student }}: <b>{{ total }}</b></p>
<table><tr><th>exercise</th><th>points</th></tr>
{% for row in rows %}<tr><td>{{ row.name }}</td><td>{{ row.points }}</td></tr>
{% endfor %}</table>{{ notebook | safe }}</body></html>
""")


def write(course, assignment, student):
    """Writes the feedback on one submission.

    Args:
        course: `Course`.
        assignment: Its full name.
        student: The student's name.

    Returns:
        Path of the page.
    """
    folder = course.root / "autograded" / student / assignment
    notebook = nbformat.read(folder / f"{assignment}.ipynb", as_version=4)
    rows, total = _rows(course, assignment, student)
    _insert_marks(notebook, {row["name"]: row for row in rows})
    body = _exporter().from_notebook_node(notebook)[0]
    path = course.root / "feedback" / student / assignment / f"{assignment}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    names = {"title": assignment, "student": student, "total": total}
    path.write_text(PAGE.render(names, rows=rows, notebook=body), encoding="utf-8")
    return path


def _exporter():
    """Makes nbconvert's exporter; what a student wrote cannot become a script."""
    attributes = {"*": ["class", "id", "title"], "a": ["href"], "img": ["src", "alt"]}
    cleaner = SanitizeHTML(tags=[*SanitizeHTML().tags, *TAGS], attributes=attributes)
    exporter = HTMLExporter(template_name="basic", sanitize_html=True)
    exporter.register_filter(
        "clean_html", lambda x: cleaner.sanitize_html_tags(_text(x))
    )
    return exporter


def _text(element):
    return element.decode() if isinstance(element, bytes) else str(element)


def _rows(course, assignment, student):
    """Reads one student's marks, hints and comments."""
    marks = read_record(course, assignment, student)["marks"]
    said = {mark["name"]: mark for mark in marks}
    with course.gradebook() as gradebook:
        graded = gradebook.find_submission_notebook(assignment, assignment, student)
        comments = {each.name: each.manual_comment for each in graded.comments}
        rows = [_row(grade, said, comments) for grade in graded.grades]
        waiting = any(row["waits"] for row in rows)
        late = graded.late_submission_penalty or 0
        total = f"{graded.score - late:g} of {graded.max_score:g} points"
    total += f", {late:g} taken off because it came late" if late else ""
    total += "; your instructor has not read everything yet" if waiting else ""
    order = {name: number for number, name in enumerate(said)}
    return sorted(rows, key=lambda row: order.get(row["name"], len(order))), total


def _row(grade, said, comments):
    mark = said.get(grade.name, {"lines": [], "quoted": []})
    comment = comments.get(grade.name) or comments.get(f"answer-{grade.name}")
    waits = grade.auto_score is None and grade.manual_score is None
    points = "not read yet" if waits else f"{grade.score:g} of {grade.max_score:g}"
    lines = [*mark["lines"], *([comment] if comment else [])]
    return {
        "name": grade.name,
        "points": points,
        "waits": waits,
        "lines": lines,
        "quoted": mark["quoted"],
    }


def _insert_marks(notebook, rows):
    """Puts a box with marks and hints below each cell that earned points."""
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        row = rows.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
        if row:
            cells.append(nbformat.v4.new_markdown_cell(_box(row)))
    notebook.cells = cells


def _box(row):
    said = "".join(f"<br>{escape(line)}" for line in row["lines"])
    quoted = "".join(f"<pre>{escape(line)}</pre>" for line in row["quoted"])
    points = f"<b>{escape(row['name'])}: {row['points']}</b>"
    return f'<div class="mark">{points}{said}{quoted}</div>'
