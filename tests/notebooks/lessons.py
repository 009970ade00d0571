"""Executes lessons cell by cell and compares what they print with what is stored.

usage: python tests/notebooks/lessons.py [NUMBER ...]
"""

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS_PER_LESSON = 90  # on two idle cores
SECONDS_PER_CELL = 600  # on a busy machine; a dead kernel would wait for half an hour


class Report:
    """A pytest plugin: one line a lesson, cells numbered as the reader sees them."""

    def __init__(self):
        self.seconds = Counter()
        self.cells = Counter()
        self.broken = set()

    def pytest_collection_modifyitems(self, items):
        for cell in items:
            cell.cell_num += 1  # nbval counts from 0, Jupyter from 1
            self.cells[cell.parent.nodeid] += 1

    def pytest_runtest_setup(self, item):
        if item.parent.nodeid in self.broken:
            pytest.skip("an earlier cell of this lesson raised")

    def pytest_exception_interact(self, node, call):
        if "outputs differ" not in str(call.excinfo.value):
            self.broken.add(node.parent.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report):
        if report.when == "call" and report.passed or report.skipped:
            return report.outcome, "", ""  # counted, and no letter in the lesson's line
        return None

    def pytest_runtest_logreport(self, report):
        lesson, _, cell = report.nodeid.partition("::")
        self.seconds[lesson] += report.duration
        if report.when == "teardown" and cell == f"Cell {self.cells[lesson] - 1}":
            seconds = self.seconds[lesson]
            print(f" {self.cells[lesson]} cells, {seconds:.0f} s", end="")

    def pytest_terminal_summary(self, terminalreporter):
        """Warns of slow lessons; a failure would blame a lesson for a busy machine."""
        for lesson, seconds in self.seconds.items():
            if seconds > SECONDS_PER_LESSON:
                line = f"WARNING: {lesson} took {seconds:.0f} s. A lesson may take "
                line += f"{SECONDS_PER_LESSON} s on two idle cores."
                terminalreporter.write_line(line, yellow=True, bold=True)

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
        print("There is no such lesson." if numbers else "There is no lesson yet.")
        return bool(numbers)
    os.chdir(ROOT)
    os.environ["CNNLAB_OFFLINE"] = "1"
    options = [
        "--nbval",
        f"--nbval-cell-timeout={SECONDS_PER_CELL}",
        "--nbval-sanitize-with=tests/notebooks/sanitize.cfg",
        "--override-ini=console_output_style=classic",
        "-rN",  # a summary would number the cells from 0
        f"--color={'yes' if sys.stdout.isatty() else 'no'}",
    ]
    return pytest.main([*options, *map(str, lessons)], plugins=[Report()])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
