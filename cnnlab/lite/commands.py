"""What `cnnlab classify` does, with what it says."""

import json
import os
import sys
from pathlib import Path

from rich.bar import Bar
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cnnlab.lite.classify import Classifier
from cnnlab.lite.package import PackageError
from cnnlab.lite.pictures import SUFFIXES, PictureError

BAR_WIDTH = 30  # characters that stand for certainty


def classify(model, arguments, num_answers=3, as_json=False):
    """Answers pictures, one after the other, on standard output.

    Args:
        model: A `.tflite` file.
        arguments: Files of pictures, and folders of them.
        num_answers: How many classes to name.
        as_json: Whether each line is a JSON object rather than for people.

    Returns:
        Whether the model and every picture could be used. What could not is named
        on standard error; in JSON, on standard output with its error.
    """
    show = _show_json if as_json else _show_bars if sys.stdout.isatty() else _show_line
    refuse = _refuse_json if as_json else _refuse
    refused = []
    _keep_unwritable_characters()

    def attempt(action, path, *rest):
        try:
            return action(path, *rest)
        except (PackageError, PictureError, OSError) as error:
            refused.append(path)
            refuse(path, error)

    classifier = attempt(Classifier, model)
    for argument in arguments if classifier else []:
        for file in attempt(_files, argument) or []:
            if answers := attempt(classifier.answer, file, num_answers):
                show(file, answers)
    return not refused


def _keep_unwritable_characters():
    """Lets standard output write `\\u30ab` where its encoding lacks a character."""
    if hasattr(sys.stdout, "reconfigure"):  # a notebook's has no need of it
        sys.stdout.reconfigure(errors="backslashreplace")


def _files(argument):
    argument = Path(argument)
    return _pictures_of(argument) if argument.is_dir() else [argument]


def _pictures_of(folder):
    """Returns a folder's pictures by name; says how many other files it holds."""
    files = [file for file in sorted(folder.iterdir()) if file.is_file()]
    files = [file for file in files if not file.name.startswith(".")]
    found = [file for file in files if file.suffix.lower() in SUFFIXES]
    if not found:
        received = f"{len(files)} other files" if files else "none"
        raise PictureError(
            f"A folder holds pictures, named {' '.join(SUFFIXES)}. Received: {received}"
        )
    if others := len(files) - len(found):
        _say(f"{_printable(folder)}: left out {others} not named like a picture")
    return found


def _show_line(file, answers):
    """Prints a line of fields that `cut` can part: file, label, probability, ..."""
    fields = [f"{label}\t{probability:.4f}" for label, probability in answers]
    print(_printable(file), *fields, sep="\t", flush=True)


def _show_json(file, answers):
    answers = [answer._asdict() for answer in answers]
    print(json.dumps({"file": os.fspath(file), "answers": answers}), flush=True)


def _show_bars(file, answers):
    table = Table.grid(padding=(0, 1))
    for label, probability in answers:
        bar = Bar(1, 0, probability, width=BAR_WIDTH)
        table.add_row(Text(f"  {label}"), bar, f"{probability:.1%}")
    console = Console()
    console.print(Text(_printable(file), style="bold"), soft_wrap=True)
    console.print(table)


def _refuse(path, error):
    _say(f"{_printable(path)}: {error}", "red")


def _refuse_json(path, error):
    print(json.dumps({"file": os.fspath(path), "error": str(error)}), flush=True)


def _say(text, style=""):
    Console(stderr=True).print(Text(text, style), soft_wrap=True)


def _printable(path):
    """Returns a path without the bytes that could steer a terminal or part lines."""
    return "".join(
        c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in f"{path}"
    )
