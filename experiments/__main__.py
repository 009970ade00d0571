"""Runs and resumes recorded experiments.

python -m experiments NAME...     runs what the records of these lack
python -m experiments --list      what there is, as CONTRIBUTING.md has it
python -m experiments --speeds    measures anew what is measured anew at each start
python -m experiments --cpu       all that needs no GPU: half a day on two cores
python -m experiments --tables    writes the tables of README.md and CONTRIBUTING.md
"""

import argparse
import sys

from experiments import catalog, harness
from experiments.conditions import ROOT


def main():
    """Does what the command line says."""
    description, _, usage = __doc__.partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m experiments",
        description=description,
        epilog=usage,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*")
    for flag in ("list", "speeds", "cpu", "tables"):
        parser.add_argument(f"--{flag}", action="store_true")
    options = parser.parse_args()
    chosen = [catalog.find(name) for name in options.names]
    if options.list:
        print(catalog.table())
    elif options.speeds or options.cpu:
        chosen += [
            each
            for each, _ in catalog.find_all()
            if each.anew or (options.cpu and each.device == "cpu")
        ]
    elif not (chosen or options.tables):
        parser.error("name an experiment, or say --list")
    failed = [each.name for each in chosen if not has_completed(each)]
    if options.tables or options.speeds:
        write_tables()
    if failed:
        sys.exit(f"Not completed: {', '.join(failed)}; see above.")


def has_completed(experiment):
    """Completes a record; prints an error and returns False where that fails.

    What follows shall run all the same: half a day of recordings is not lost to one.
    """
    try:
        harness.complete(experiment)
    except (Exception, SystemExit) as error:
        print(f"{experiment.name}: {error}", file=sys.stderr)
        return False
    return True


def write_tables():
    """Brings the tables of README.md and CONTRIBUTING.md up to date."""
    from experiments import speed_table

    for name, update in (
        ("README.md", speed_table.update),
        ("CONTRIBUTING.md", catalog.update),
    ):
        path = ROOT / name
        path.write_text(update(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
