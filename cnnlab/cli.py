"""The command `cnnlab`; each subcommand imports what it needs, so help is instant."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)
ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
COLOURS = {"good": "green", "note": "yellow", "broken": "bold red"}
FOLDS_CHECKS = """
{%- extends "lab/index.html.j2" -%}
{%- block input_group -%}
{%- if "check" in cell.metadata.tags -%}
<details><summary class="jp-RenderedHTMLCommon" style="margin-left:
var(--jp-cell-prompt-width)">Check</summary>{{ super() }}</details>
{%- else -%}
{{ super() }}
{%- endif -%}
{%- endblock input_group -%}
"""


@app.callback()
def main_options():
    """Convolutional networks, lesson by lesson."""


@app.command()
def doctor():
    """Say what this machine has, what it lacks, and the remedy for each problem."""
    from rich.console import Console
    from rich.table import Table

    from cnnlab.data import inventory
    from cnnlab.doctor import findings
    from cnnlab.start import hidden_messages

    console = Console()
    table = Table("part", "state", "found", "remedy", title="cnnlab doctor")
    with console.status("Starting Keras and reading the data sets"):
        found = list(findings(inventory.available(verify=True)))
    for part in found:
        table.add_row(*part, style=COLOURS[part.state])
    console.print(table)
    if hidden_messages:
        console.print("Messages of the backend that lessons hide:", style="bold")
        console.print("\n".join(hidden_messages), markup=False, highlight=False)
    raise typer.Exit(any(part.state == "broken" for part in found))


@app.command()
def prefetch(folder: Annotated[Path, typer.Argument(help="To be filled.")]):
    """Fill a folder for a classroom without a network; CNNLAB_DATA then names it."""
    from cnnlab.data import fetch, prefetch

    try:
        folder = fetch.expand_home(folder).resolve()
        paths = prefetch.prefetch(folder)
    except fetch.DataError as error:
        raise _failure(error) from None
    for dataset, path in paths.items():
        typer.echo(f"{dataset} is ready in {path}")
    typer.echo(f"Now: export CNNLAB_DATA={shlex.quote(str(folder))}")


@app.command()
def run(
    number: Annotated[str, typer.Argument(help="Of the lesson, such as 02.")],
    full: Annotated[
        bool, typer.Option("--full", help="With the full budget: a GPU, or a night.")
    ] = False,
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = Path(
        "build"
    ),
):
    """Execute a lesson without a browser; write the notebook and HTML with figures."""
    lesson = _find_lesson(number)
    parameters = _full_budget(lesson) if full else {}
    output = output.expanduser()
    if output.exists() and not output.is_dir():
        raise _failure(f"--output must be a folder. Received: the file {output}")
    output.mkdir(parents=True, exist_ok=True)
    executed = output / lesson.name
    error = _execute(lesson, executed, parameters)
    typer.echo(f"Wrote {executed} and {_write_html(executed)}")
    if error:
        raise _failure(f"{lesson.stem} stopped in cell {error.exec_count}: {error}")


def _find_lesson(number):
    lessons = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    for lesson in lessons:
        if lesson.name.startswith(f"{number:0>2}_"):
            return lesson
    numbers = ", ".join(lesson.name[:2] for lesson in lessons) or "none yet"
    raise _failure(f"There is no lesson {number}. Lessons: {numbers}.")


def _full_budget(lesson):
    import nbformat

    metadata = nbformat.read(lesson, as_version=4).metadata
    try:
        return metadata["cnnlab"]["full"]
    except KeyError:
        raise _failure(
            f"{lesson.stem} knows no full budget; run it as it is."
        ) from None


def _execute(lesson, executed, parameters):
    """Runs a lesson in its own folder; returns the error that stopped it, or None."""
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")  # this Python's own kernel
    import papermill

    try:
        papermill.execute_notebook(lesson, executed, parameters, cwd=lesson.parent)
    except papermill.PapermillExecutionError as error:
        return error
    return None


def _write_html(executed):
    """Writes a notebook as a page on which cells tagged `check` are folded."""
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter

    loader = DictLoader({"folds_checks.html.j2": FOLDS_CHECKS})
    exporter = HTMLExporter(
        extra_loaders=[loader], template_file="folds_checks.html.j2"
    )
    page = executed.with_suffix(".html")
    page.write_text(exporter.from_filename(executed)[0], encoding="utf-8")
    return page


@app.command()
def classify(
    model: Annotated[Path, typer.Argument(help="A .tflite file with its labels.")],
    images: Annotated[list[Path], typer.Argument(help="Pictures, or folders of them.")],
    top: Annotated[int, typer.Option(min=1, help="How many classes to name.")] = 3,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, for programs.")
    ] = False,
):
    """Say what is on pictures, with a packaged TFLite model and without TensorFlow."""
    from cnnlab.lite import commands

    raise typer.Exit(not commands.classify(model, images, top, as_json))


Assignment = Annotated[
    str, typer.Argument(help="Its number, such as 02; all if none is named.")
]
Course = Annotated[
    Path, typer.Option(help="Folder with nbgrader_config.py and source/.")
]
Student = Annotated[str, typer.Option(help="This one alone.")]


@app.command()
def release(assignment: Assignment = None, course: Course = ROOT / "assignments"):
    """Build student versions of assignments, without solutions and hidden tests."""
    _classroom("release", course, assignment)


@app.command()
def grade(
    assignment: Assignment = None,
    student: Student = None,
    jobs: Annotated[int, typer.Option(help="How many at a time.")] = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Run students' code as yourself. Logged.")
    ] = False,
    course: Course = ROOT / "assignments",
):
    """Grade submissions in a sandbox; go on where a stopped grading was."""
    done = _classroom("grade", course, assignment, student, jobs, unsafe)
    raise typer.Exit(not done)


@app.command()
def feedback(
    assignment: Assignment = None,
    student: Student = None,
    course: Course = ROOT / "assignments",
):
    """Write a page for each student: notebook, marks and hints."""
    _classroom("feedback", course, assignment, student)


@app.command()
def check(
    number: Annotated[str, typer.Argument(help="Of the assignment, such as 02.")],
    folder: Annotated[Path, typer.Option(help="Where your notebook lies.")] = ROOT
    / "assignments/practice",
    course: Course = ROOT / "assignments",
):
    """Practise alone: get an assignment, and an answer on what you filled in."""
    right = _classroom("check", course, number, folder)
    raise typer.Exit(not right)


def _classroom(command, *arguments):
    """Runs a command of the classroom; an instructor's mistake is one red line."""
    from cnnlab.classroom import commands
    from cnnlab.classroom.errors import CourseError

    try:
        return getattr(commands, command)(*arguments)
    except CourseError as error:
        raise _failure(error) from None


def _failure(error):
    typer.secho(error, err=True, fg="red")
    return typer.Exit(1)


def main():
    """Runs the command line."""
    app()
