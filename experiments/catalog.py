"""Finds the declared experiments, and writes the table in CONTRIBUTING.md."""

import ast
import importlib
import sys

from experiments.conditions import ROOT
from experiments.harness import Experiment

BEGIN, END = "<!-- experiments -->\n", "<!-- end of experiments -->\n"


def find_names():
    """Returns a dict from each experiment's name to its module, importing none.

    A machine that records has not the libraries of every other experiment.
    """
    found = {}
    for path in sorted((ROOT / "experiments").glob("lesson_*/*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(call, ast.Call)
                and getattr(call.func, "id", "") == "Experiment"
            ):
                (name,) = [k.value.value for k in call.keywords if k.arg == "name"]
                found[name] = module
    return found


def find(name):
    """Returns the `Experiment` of this name, or ends the process."""
    names = find_names()
    if name not in names:
        sys.exit(
            f"There is no experiment {name!r}. `python -m experiments --list` shows: "
            f"{', '.join(sorted(names))}"
        )
    module = importlib.import_module(names[name])
    declared = [each for each in vars(module).values() if isinstance(each, Experiment)]
    (experiment,) = [each for each in declared if each.name == name]
    return experiment


def find_all():
    """Returns all experiments with their modules, lesson by lesson."""
    return [(find(name), module) for name, module in find_names().items()]


def table():
    """Returns the table of all experiments in Markdown."""
    lines = ["| experiment | lesson | minutes | on | what it asks |", "|" + 5 * "---|"]
    for each, module in find_all():
        path = module.replace(".", "/") + ".py"
        lesson = module.split(".")[1].removeprefix("lesson_")
        lines.append(
            f"| [`{each.name}`]({path}) | {lesson} | {each.minutes:g} | "
            f"{each.device.upper()} | {each.question} |"
        )
    return "\n".join(lines) + "\n"


def update(text):
    """Returns the text of CONTRIBUTING.md with the table as it is declared."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"
