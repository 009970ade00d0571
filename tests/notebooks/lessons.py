"""Executes lessons cell by cell and compares what they print with what is stored.

usage: python tests/notebooks/lessons.py [NUMBER ...]

Two lessons run at a time, with half of the cores each: a second computing thread hardly
helps one lesson, and a second lesson keeps the second core busy. What a lesson printed
lies in build/lessons/ afterwards.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HINTS = Path(__file__).with_name("seconds.toml")
ONE = "--one"  # followed by a notebook: run it in this process, as a child does
SECONDS_PER_LESSON = 90  # of computing, imports included, on an idle machine
SECONDS_PER_CELL = 600  # on a busy machine; a dead kernel would wait for half an hour
SECONDS_TO_END = 10  # that an interrupted lesson has to shut its kernel down
THREADS = ["TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"]
THREADS += ["OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]


class Report:
    """A pytest plugin: numbers cells as the reader sees them, stops at an error."""

    def __init__(self):
        self.broken = False

    def pytest_collection_modifyitems(self, items):
        for cell in items:
            cell.cell_num += 1  # nbval counts from 0, Jupyter from 1

    def pytest_runtest_setup(self, item):
        if self.broken:
            pytest.skip("an earlier cell of this lesson raised")

    def pytest_exception_interact(self, node, call):
        if "outputs differ" not in str(call.excinfo.value):
            self.broken = True

    def pytest_assertrepr_compare(self, left, right):
        return ["expected (stored):", *_lines(left), "received:", *_lines(right)]


def _lines(output):
    return [f"  {line}" for line in str(output).splitlines()]


def run_one(path):
    """Runs one lesson in this process; returns pytest's exit status."""
    options = [
        "--nbval",
        f"--nbval-cell-timeout={SECONDS_PER_CELL}",
        "--nbval-sanitize-with=tests/notebooks/sanitize.cfg",
        "--no-header",
        "-q",
        "-rN",  # a summary would number the cells from 0
    ]
    return pytest.main([*options, path], plugins=[Report()])


class Child:
    """A lesson that runs in a process of its own and writes to a file of its own."""

    def __init__(self, path, threads):
        self.name = path.stem
        self.log = ROOT / "build" / "lessons" / f"{path.stem}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.start = time.monotonic()
        command = [sys.executable, __file__, ONE, str(path.relative_to(ROOT))]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(threads),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C arrives here once, through `end`
            )

    def report(self):
        """Prints one line, and all that pytest said where the lesson failed."""
        passed, output = self.process.returncode == 0, self.log.read_text()
        seconds = time.monotonic() - self.start
        last = (output.splitlines() or ["nothing was printed"])[-1].strip("= ")
        print(f"{self.name}: {'' if passed else 'FAILED, '}{last}", flush=True)
        if seconds > SECONDS_PER_LESSON:
            print(
                f"WARNING: {self.name} took {seconds:.0f} s. A lesson may take "
                f"{SECONDS_PER_LESSON} s on an idle machine.",
                flush=True,
            )
        if not passed:
            print(output, flush=True)
        return passed

    def end(self):
        """Interrupts the lesson, so that it ends its kernel, and waits for it."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)


def environment(threads):
    """Returns this process's variables, offline, and with that many threads."""
    limits = dict.fromkeys(THREADS, str(threads)) if threads else {}
    return {**os.environ, "CNNLAB_OFFLINE": "1", **limits}


def num_cores():
    """Returns how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def plan(num_lessons, cores):
    """Returns how many lessons run at a time, and each one's threads (None: all)."""
    at_a_time = max(1, min(2, cores, num_lessons))
    return at_a_time, cores // at_a_time if at_a_time > 1 else None


def longest_first(paths):
    """Sorts by the seconds that lessons took elsewhere; an unknown one comes first."""
    hints = tomllib.loads(HINTS.read_text()) if HINTS.exists() else {}
    return sorted(paths, key=lambda path: -hints.get(path.name[:2], float("inf")))


def run_all(paths, at_a_time, threads):
    """Runs the lessons; returns how many of them passed."""
    waiting, running, num_passed = list(paths), [], 0
    try:
        while waiting or running:
            while waiting and len(running) < at_a_time:
                running.append(Child(waiting.pop(0), threads))
            for child in [each for each in running if each.process.poll() is not None]:
                running.remove(child)
                num_passed += child.report()
            time.sleep(0.1)
    finally:
        for child in running:
            child.end()
    return num_passed


def main(numbers):
    """Runs the lessons of these numbers, or all; returns the exit status."""
    lessons = [
        path
        for path in longest_first(sorted((ROOT / "notebooks").glob("*.ipynb")))
        if not numbers or path.name[:2] in numbers
    ]
    if not lessons:
        print("There is no such lesson." if numbers else "There is no lesson yet.")
        return bool(numbers)
    at_a_time, threads = plan(len(lessons), num_cores())
    start = time.monotonic()
    if at_a_time > 1:
        print(
            f"{len(lessons)} lessons, {at_a_time} at a time, {threads} thread(s) each"
        )
    num_passed = run_all(lessons, at_a_time, threads)
    print(f"{len(lessons)} lessons took {time.monotonic() - start:.0f} s.")
    print(f"lessons: {num_passed} passed, {len(lessons) - num_passed} failed")
    return num_passed < len(lessons)


def interrupt(signal_number, frame):
    """Treats a polite end as Ctrl-C, so that no lesson goes on alone."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    if sys.argv[1:2] == [ONE]:
        sys.exit(run_one(sys.argv[2]))
    signal.signal(signal.SIGTERM, interrupt)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("The lessons were interrupted.")
