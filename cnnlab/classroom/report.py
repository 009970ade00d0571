"""What a class can do: a page for the instructor, and the marks as CSV."""

from collections import Counter

from jinja2 import Environment

from cnnlab.classroom.export import SafeCsvExport
from cnnlab.classroom.pages import STYLE
from cnnlab.classroom.records import read_record

STEPS = 5  # bars of a distribution: none, a quarter, half, three quarters, all points
PAGE = Environment(autoescape=True, trim_blocks=True).from_string("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<meta name="viewport" content="width=device-width"><style>{{ style | safe }}
td:first-child { white-space: nowrap; width: 9rem }
.bar { background: #36c; height: .9rem; display: inline-block; vertical-align: middle }
</style></head><body><h1>{{ title }}</h1>
<p>{{ students | length }} submissions.</p>
{% for exercise in exercises %}
<h2>{{ exercise.name }}</h2>
<p>On average {{ "%.1f" % exercise.mean }} of {{ "%g" % exercise.most }} points.</p>
<table>
{% for label, count in exercise.bars %}
<tr><td>{{ label }}</td><td><span class="bar"
style="width: {{ 80 * count / (students | length) }}%"></span> {{ count }}</td></tr>
{% endfor %}
</table>
{% if exercise.mistakes %}
<p>Most frequent:</p><ul>
{% for line, count in exercise.mistakes %}
<li>{{ count }} × {{ line }}</li>
{% endfor %}
</ul>
{% endif %}
{% endfor %}
<h2>Submissions</h2><table><tr><th>student</th><th>points without free text</th>
<th>stopped</th></tr>
{% for student, points, reason in students %}
<tr><td>{{ student }}</td><td>{{ "%g" % points }}</td><td>{{ reason or "" }}</td></tr>
{% endfor %}
</table>
{% if refused %}
<p>Not graded, because the folder's name can be nobody's name:
{% for name in refused %}
<code>{{ name }}</code>
{% endfor %}
</p>
{% endif %}
{% if claimed %}
<p>Their times are the students' own word, from a timestamp.txt that came with a copy:
{{ claimed | join(", ") }}</p>
{% endif %}
</body></html>
""")


def write(course, assignment, names, refused=()):
    """Writes the class report and `grades.csv`.

    Args:
        course: `Course`.
        assignment: Its full name.
        names: Students who were graded.
        refused: Names of folders that were left alone.

    Returns:
        `(page, table)`: the paths of both.
    """
    records = {name: read_record(course, assignment, name) for name in names}
    records = {name: record for name, record in records.items() if record}
    students = [
        (name, sum(mark["points"] for mark in record["marks"]), record["reason"])
        for name, record in records.items()
    ]
    by_name = {}  # a record from before a new release may hold other exercises
    for mark in (mark for record in records.values() for mark in record["marks"]):
        by_name.setdefault(mark["name"], []).append(mark)
    page = course.root / f"report_{assignment}.html"
    text = PAGE.render(
        title=assignment.replace("_", " "),
        style=STYLE,
        students=students,
        exercises=[summary(marks) for marks in by_name.values()],
        refused=refused,
        claimed=[name for name in records if records[name].get("own_time")],
    )
    page.write_text(text, encoding="utf-8", errors="replace")
    return page, export(course)


def summary(marks):
    """Summarises one exercise over the class.

    Args:
        marks: List of marks as dicts, one for each student.

    Returns:
        A dict: name, most points, mean, bars `(label, count)`, mistakes
        `(line, count)` with the most frequent first.
    """
    most = marks[0]["most"]
    steps = Counter(int((STEPS - 1) * mark["points"] / most) for mark in marks)
    lines = Counter(line for mark in marks for line in mark["complaints"])
    return {
        "name": marks[0]["name"],
        "most": most,
        "mean": sum(mark["points"] for mark in marks) / len(marks),
        "bars": [(_label(step, most), steps[step]) for step in range(STEPS)],
        "mistakes": lines.most_common(5),
    }


def _label(step, most):
    if step == STEPS - 1:
        return f"{most:g} points"
    low, high = (most * edge / (STEPS - 1) for edge in (step, step + 1))
    return f"{low:g} to under {high:g}"


def export(course):
    """Writes everybody's marks as `nbgrader export` does."""
    plugin = SafeCsvExport()
    plugin.to = str(course.root / "grades.csv")
    with course.gradebook() as gradebook:
        plugin.export(gradebook)
    return course.root / "grades.csv"
