"""A class of thirty, killed in the middle and resumed: run by hand, takes minutes.

    python tests/classroom/full_class.py

Solutions, blanks, typical mistakes and a few accidents hand assignment 02 in. The
grading is killed with SIGKILL when a third is done, then started again. At the end the
seconds of both runs are printed, and every mark is compared with what it must be.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

from conftest import answered, hand_in, make_course  # noqa: E402
from test_assignments import source_of, wrong_answers  # noqa: E402

from cnnlab.classroom import exercise, records  # noqa: E402

NAME = "02_cifar10_modern_cnn"
SIZE = 30
ACCIDENTS = ("while True:\n    pass", "import os\nos._exit(1)", "print('x' * 10**5)")


def hand_in_all(course):
    """Hands in thirty notebooks; returns each student's exercises to be right."""
    path, notebook = source_of(NAME)
    exercises = exercise.read(path)
    names = {each.name for each in exercises}
    right = {}
    for number in range(SIZE):
        student, kind = f"student{number:02}", number % 6
        if kind < 2:
            sources = {}
            hand_in(course, student, notebook, NAME)
            right[student] = names
            continue
        if kind == 2:
            sources, right[student] = {}, set()
        elif kind == 3:
            accident = ACCIDENTS[number // 6 % 3]
            sources, right[student] = {"answer-honest_accuracy": accident}, set()
        else:
            sources = wrong_answers(notebook, exercises, number // 6 % 4)
            right[student] = set()
        hand_in(course, student, answered(course, sources, NAME), NAME)
    return right


def graded(course):
    """Returns the records of all finished submissions."""
    names, _ = records.students(course, NAME)
    finished = [name for name in names if records.is_graded(course, NAME, name)]
    return {name: records.read_record(course, NAME, name) for name in finished}


def start(course):
    """Starts the grading in a process of its own."""
    code = "from cnnlab.cli import main\nif __name__ == '__main__':\n    main()\n"
    script = course.root / "run_cnnlab.py"
    script.write_text(f"import sys\nsys.path.insert(0, {sys.path[0]!r})\n{code}")
    command = [sys.executable, script, "grade", "02", "--jobs", "2"]
    return subprocess.Popen([*command, "--course", course.root])


def main():
    """Grades the class, kills the grading, goes on, and compares."""
    with tempfile.TemporaryDirectory() as folder:
        course = make_course(Path(folder), NAME)
        right = hand_in_all(course)
        started = time.monotonic()
        process = start(course)
        while len(graded(course)) < SIZE // 3:
            time.sleep(0.5)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        before, seconds = graded(course), time.monotonic() - started
        print(f"killed after {seconds:.0f} s with {len(before)} of {SIZE} graded")
        assert start(course).wait() == 0
        seconds, after = time.monotonic() - started, graded(course)
        print(f"{SIZE} submissions in {seconds:.0f} s, the kill included")
        assert len(after) == SIZE
        assert all(after[name] == record for name, record in before.items())
        for name, record in after.items():
            full = {m["name"] for m in record["marks"] if m["points"] == m["most"]}
            assert full >= right[name], name
            assert right[name] or not full, name
        print("every mark is what it must be; none was lost or changed by the kill")


if __name__ == "__main__":
    main()
