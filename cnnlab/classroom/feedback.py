"""A page for each student: the own notebook, the marks, and what went wrong.

It is made from the autograded notebook, which never contained a hidden test, and from
the gradebook's rows of this one student.
"""

import logging

import nbformat
from jinja2 import Environment
from nbconvert import HTMLExporter
from nbconvert.filters import Highlight2HTML

from cnnlab.classroom.pages import CODE, STYLE
from cnnlab.classroom.records import read_record
from cnnlab.classroom.sanitize import Ours, clean

PAGE = Environment(autoescape=True, trim_blocks=True).from_string("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<meta name="viewport" content="width=device-width"><style>{{ style | safe }}
{{ code | safe }}
.mark { border-left: .4rem solid; padding: .5rem .8rem; margin: .8rem 0 1.5rem }
.mark p { margin: .2rem 0 } .mark pre { background: #fff8; margin: .3rem 0 0 }
.full { border-color: #2a7d46; background: #eaf6ee }
.part { border-color: #c98a00; background: #fdf5e3 }
.none { border-color: #b93a32; background: #fcedec }
.waits { border-color: #777; background: #f2f2f2 }
.output_text pre { background: none; white-space: pre-wrap; overflow-wrap: anywhere }
td:last-child, th:last-child { padding-left: .6rem }
.cell { border-left: 2px solid #ccc; padding-left: .8rem; overflow-x: auto }
.prompt { display: none }
</style></head><body><h1>{{ title }}</h1><p>{{ student }}: <b>{{ total }}</b></p>
<table><tr><th>exercise</th><th>points</th></tr>
{% for row in rows %}
<tr><td><a href="#mark-{{ row.name }}">{{ row.name }}</a></td>
<td class="{{ row.state }}">{{ row.points }}</td></tr>
{% endfor %}
</table>
<p>What you handed in stands beside a grey line; boxes without it are the grader's.</p>
{{ notebook | safe }}</body></html>
""")
BOX = Environment(autoescape=True, trim_blocks=True).from_string(
    """<div class="mark {{ row.state }}" id="mark-{{ row.name }}">
<b>{{ row.name }}: {{ row.points }}</b>
{% for line in row.lines %}<p>{{ line }}</p>{% endfor %}
{% for line in row.quoted %}<pre>{{ line }}</pre>{% endfor %}
</div>"""
)
NOTEBOOK = """{%- extends 'basic/index.html.j2' -%}
{%- block any_cell scoped -%}
{%- if cell.cell_type == "raw" -%}
<div class="cell">{{ super() }}</div>
{%- else -%}
{{ super() }}
{%- endif -%}
{{ resources.boxes.get(cell.metadata.get("nbgrader", {}).get("grade_id"), "") }}
{%- endblock -%}"""


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
    body = _shown(notebook, {row["name"]: row for row in rows})
    path = course.root / "feedback" / student / assignment / f"{assignment}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    names = {"title": assignment.replace("_", " "), "student": student, "rows": rows}
    page = PAGE.render(names, total=total, style=STYLE, code=CODE, notebook=body)
    path.write_text(page, encoding="utf-8")
    return path


def _shown(notebook, rows):
    """Renders a notebook with its marks; what a student wrote becomes no script.

    Boxes with marks stand between the cells, where nothing of a student's can stand.
    """
    highlight = Highlight2HTML(pygments_lexer="ipython3")
    filters = {
        "clean_html": clean,
        "highlight_code": lambda *source, **options: Ours(
            highlight(*source, **options)
        ),
    }
    exporter = HTMLExporter(raw_template=NOTEBOOK, sanitize_html=True, filters=filters)
    exporter.exclude_anchor_links = True
    boxes = {name: BOX.render(row=row) for name, row in rows.items()}
    try:
        return exporter.from_notebook_node(notebook, {"boxes": boxes})[0]
    except Exception as error:  # the others still get a page
        logging.getLogger("cnnlab").warning("no page can show it: %s", error)
        boxes = "".join(boxes.values())
        return f"<p>Your notebook cannot be shown on a page.</p>{boxes}"


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
    """Gathers what is told about one cell: points, their state, hints, a comment."""
    mark = said.get(grade.name, {"lines": [], "quoted": []})
    comment = comments.get(grade.name) or comments.get(f"answer-{grade.name}")
    waits = grade.auto_score is None and grade.manual_score is None
    reached = "full" if grade.score >= grade.max_score else "part"
    return {
        "name": grade.name,
        "points": "not read yet"
        if waits
        else f"{grade.score:g} of {grade.max_score:g}",
        "waits": waits,
        "state": "waits" if waits else reached if grade.score else "none",
        "lines": [*mark["lines"], *filter(str.strip, (comment or "").splitlines())],
        "quoted": mark["quoted"],
    }
