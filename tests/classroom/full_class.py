"""A class of two hundred, a fifth of it hostile, killed in the middle and resumed.

    python tests/classroom/full_class.py 20    # a smaller class; takes minutes

Solutions, blanks and typical mistakes hand assignment 02 in, and among them attacks of
forty kinds. The grading is killed with SIGKILL when a third is done, then started
again. Every honest student must get exactly the marks of a grading alone, no attack a
point, and a second run must change nothing. It prints submissions per minute and how
much memory the graders took.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

import attacks  # noqa: E402
import bombs  # noqa: E402
import psutil  # noqa: E402
from conftest import answered, hand_in, make_course  # noqa: E402
from test_assignments import answers_of, source_of, wrong_answers  # noqa: E402
from test_attacks import BROKEN, FILES, NOTEBOOKS, break_submission  # noqa: E402

from cnnlab.classroom import exercise, records  # noqa: E402
from cnnlab.classroom.mark import judge  # noqa: E402

NAME = "02_cifar10_modern_cnn"
FIRST = "normalize"  # the exercise in which an attack lies
SIZE = 200
KINDS = 40
MOST_SECONDS = 25  # for each submission on two cores, on average
MOST_MEGABYTES = 1500  # of a process of the grader


def ways():
    """Lists forty hostile ways, of every kind."""
    code = [("code", name) for name in (*attacks.ATTACKS, *bombs.BOMBS)]
    other = [("notebook", name) for name in NOTEBOOKS]
    other += [("file", name) for name in FILES] + [("broken", name) for name in BROKEN]
    found = other[:: max(1, len(other) // (KINDS // 4))][: KINDS // 4]
    left = KINDS - len(found)
    return found + [code[number * len(code) // left] for number in range(left)]


def hand_in_hostile(course, student, way, target):
    """Hands an attack in."""
    kind, name = way
    if kind == "code":
        text = (attacks.ATTACKS | bombs.BOMBS)[name][0].replace("double", FIRST)
        text = text.replace("TARGET", str(target)).replace("PORT", "9")
        notebook = answered(course, {f"answer-{FIRST}": text}, NAME)
        hand_in(course, student, notebook, NAME)
    elif kind == "notebook":
        notebook = answered(course, {}, NAME)
        notebook.update(NOTEBOOKS[name](notebook))
        hand_in(course, student, notebook, NAME)
    else:
        path = hand_in(course, student, answered(course, {}, NAME), NAME)
        if kind == "file":
            path.write_bytes(FILES[name][0])
        else:
            break_submission(path, name, target)


def hand_in_honest(course, student, number):
    """Hands an honest notebook in; returns the marks of a grading alone."""
    path, notebook = source_of(NAME)
    exercises = exercise.read(path)
    kind = number % 6
    if kind < 2:
        hand_in(course, student, notebook, NAME)
        functions = {each.name: each.reference for each in exercises}
    elif kind == 2:
        hand_in(course, student, answered(course, {}, NAME), NAME)
        functions = {}
    else:
        sources = wrong_answers(notebook, exercises, kind - 3)
        hand_in(course, student, answered(course, sources, NAME), NAME)
        functions = {
            each.name: each.mistakes[kind - 3]
            for each in exercises
            if kind - 3 < len(each.mistakes)
        }
    return [marked(each, functions.get(each.name), student) for each in exercises]


def marked(asked, function, student):
    """Marks a function in this process, or that there is none."""
    cases = asked.draw(student)
    if function:
        answers = answers_of(function, asked.name, cases)
    else:
        names = [f"{asked.name}.{number}.txt" for number in range(len(cases))]
        answers = dict.fromkeys(names, b"NotImplementedError")
    return judge(asked, cases, answers).as_dict()


def hand_in_all(course, size, target):
    """Hands a class in, every fifth hostile; returns the honest ones' marks."""
    hostile, alone = ways(), {}
    for number in range(size):
        student = f"student{number:03}"
        if number % 5 == 4:
            way = hostile[number // 5 * KINDS // (size // 5) % KINDS]
            hand_in_hostile(course, student, way, target)
        else:
            alone[student] = hand_in_honest(course, student, number)
    return alone


def graded(course):
    """Returns the records of all finished submissions."""
    names, _ = records.students(course, NAME)
    finished = [name for name in names if records.is_graded(course, NAME, name)]
    return {name: records.read_record(course, NAME, name) for name in finished}


def start(course):
    """Starts the grading in a process of its own, on two cores."""
    code = "from cnnlab.cli import main\nif __name__ == '__main__':\n    main()\n"
    script = course.root / "run_cnnlab.py"
    script.write_text(f"import sys\nsys.path.insert(0, {sys.path[0]!r})\n{code}")
    command = [sys.executable, script, "grade", "02", "--jobs", "2"]
    cores = set(sorted(os.sched_getaffinity(0))[:2])
    return subprocess.Popen(
        [*command, "--course", course.root],
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )


class Peak(threading.Thread):
    """Samples the memory of the grader's processes, those of sandboxes left out."""

    def __init__(self):
        super().__init__(daemon=True)
        self.megabytes, self.together, self.finished = 0.0, 0.0, threading.Event()

    def run(self):
        """Looks twice a second."""
        outside = os.readlink("/proc/self/ns/pid")
        while not self.finished.wait(0.5):
            taken = []
            for each in psutil.Process().children(recursive=True):
                with suppress(psutil.Error, OSError):
                    if os.readlink(f"/proc/{each.pid}/ns/pid") == outside:
                        taken.append(each.memory_info().rss / 1e6)
            self.megabytes = max([self.megabytes, *taken])
            self.together = max(self.together, sum(taken))


def grade_class(folder, size=SIZE):
    """Grades a class, kills the grading, goes on, and compares every mark."""
    (target := folder / "target").mkdir()
    course = make_course(folder / "course", NAME)
    alone = hand_in_all(course, size, target)
    peak, started = Peak(), time.monotonic()
    peak.start()
    process = start(course)
    while len(graded(course)) < size // 3:
        assert process.poll() is None
        time.sleep(0.5)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = graded(course)
    print(f"killed with {len(before)} of {size} graded")
    assert start(course).wait() == 1  # because the hostile ones are refused
    seconds, after = time.monotonic() - started, graded(course)
    peak.finished.set()
    print(f"{size} submissions in {seconds:.0f} s: {60 * size / seconds:.1f} a minute")
    print(f"a grader took {peak.megabytes:.0f} MB, all {peak.together:.0f} MB")
    assert len(after) == size
    assert all(after[name] == record for name, record in before.items())
    for name, record in after.items():
        if name in alone:
            assert record["marks"] == alone[name], name
        else:
            assert not any(mark["points"] for mark in record["marks"]), name
    assert start(course).wait() == 1
    assert graded(course) == after
    assert not list(target.iterdir())
    assert seconds < MOST_SECONDS * size
    assert peak.megabytes < MOST_MEGABYTES


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        grade_class(Path(place), int(sys.argv[1]) if sys.argv[1:] else SIZE)
