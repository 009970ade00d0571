"""Processes that take turns, so that whatever else a machine does hits all alike.

A contestant keeps its own clock. It counts only while the contestant trains, and the
contestant that has used the least time goes next.
"""

import json
import os
import subprocess
import sys
import time

SECONDS = 20.0  # of one turn, until the step that is under way has ended


class Clock:
    """A contestant's side: the time that it has used, and its line to the referee.

    Attributes:
        seconds: Time used until the clock was last stopped.
    """

    def __init__(self):
        self.line, sys.stdout = sys.stdout, sys.stderr  # nothing else may speak there
        self.seconds, self.started = 0.0, None
        self.wait()

    def wait(self):
        """Waits for the next turn; without a referee there is none."""
        if not sys.stdin.readline():
            sys.exit("The referee is gone.")
        self.began = time.perf_counter()

    def start(self):
        self.started = time.perf_counter()

    def stop(self):
        if self.started is not None:
            self.seconds += time.perf_counter() - self.started
            self.started = None

    def tick(self):
        """Ends the turn when it has lasted long enough; called between two steps."""
        if time.perf_counter() - self.began < SECONDS:
            return
        self.stop()
        self.tell(turn=self.seconds)
        self.wait()
        self.start()

    def tell(self, **what):
        """Sends a message to the referee; `turn` ends a turn, `end` the race."""
        print(json.dumps(what), file=self.line, flush=True)


def taken(commands):
    """Lets processes take turns until all have ended.

    Args:
        commands: A dict from a contestant's name to its arguments for Python.

    Yields:
        `name, message`, as the contestants tell them.
    """
    processes = {name: _started(command) for name, command in commands.items()}
    clocks = dict.fromkeys(commands, 0.0)
    try:
        while clocks:
            name = min(clocks, key=clocks.get)
            for message in _turn(name, processes[name]):
                yield name, message
                clocks[name] = message.get("turn", clocks[name])
                if "end" in message:
                    del clocks[name]
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()


def _started(command):
    return subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def _turn(name, process):
    process.stdin.write("go\n")
    process.stdin.flush()
    for line in process.stdout:
        message = json.loads(line)
        yield message
        if message.keys() & {"turn", "end"}:
            return
    sys.exit(f"{name} ended too early; see its message above.")
