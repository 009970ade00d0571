"""Executes lessons cell by cell and compares what they print with what is stored.

usage: python tests/notebooks/lessons.py [NUMBER ...]
"""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS_PER_LESSON = 90  # on two idle cores
SECONDS_PER_CELL = 300  # on a busy machine; a dead kernel would wait for half an hour


class Report:
    """A pytest plugin: one line a lesson, cells numbered as the reader sees them."""

    def __init__(self):
        self.seconds = {}
        self.last_cell = {}
        self.broken = set()

    def pytest_collection_modifyitems(self, items):
        for cell in items:
            cell.cell_num += 1
            cell.name = f"Cell {cell.cell_num}"
            cell._nodeid = f"{cell.parent.nodeid}::{cell.name}"
            self.last_cell[cell.parent.nodeid] = cell.nodeid

    def pytest_runtest_setup(self, item):
        if item.parent.nodeid in self.broken:
            pytest.skip("an earlier cell of this lesson raised")

    def pytest_exception_interact(self, node, call):
        if "outputs differ" not in str(call.excinfo.value):
            self.broken.add(node.parent.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report):
        passed = report.passed and report.when == "call"
        return ("passed", "", "") if passed else None  # no dot

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report):
        lesson = report.nodeid.partition("::")[0]
        self.seconds[lesson] = self.seconds.get(lesson, 0) + report.duration
        if report.when == "teardown" and report.nodeid == self.last_cell[lesson]:
            seconds = self.seconds[lesson]
            late = (
                f", over {SECONDS_PER_LESSON}" if seconds > SECONDS_PER_LESSON else ""
            )
            print(f"{seconds:.0f} s{late}", end="", flush=True)

    def pytest_assertrepr_compare(self, left, right):
        return ["expected (stored):", *_lines(left), "received:", *_lines(right)]


def _lines(output):
    return [f"  {line}" for line in str(output).splitlines()]


def main(numbers):
    lessons = [
        path
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
        if not numbers or path.name[:2] in numbers
    ]
    if not lessons:
        print("There is no lesson to execute.")
        return bool(numbers)
    os.chdir(ROOT)
    options = [
        "--nbval",
        f"--nbval-cell-timeout={SECONDS_PER_CELL}",
        "--nbval-sanitize-with=tests/notebooks/sanitize.cfg",
        "--override-ini=console_output_style=classic",
    ]
    return pytest.main([*options, *map(str, lessons)], plugins=[Report()])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
