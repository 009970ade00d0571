"""Processes that take turns, so that whatever else a machine does hits all alike.

In a race, a contestant keeps its own clock. It counts only while the contestant trains,
and the contestant that has used the least time goes next. Where rates are asked for, a
turn is a lap of so many images, and contestants go round.
"""

import json
import os
import subprocess
import sys
import time

SECONDS = 20.0  # of one turn, until the step that is under way has ended


class Contestant:
    """A contestant's line to the referee; making one waits for its first turn."""

    def __init__(self):
        self.line, sys.stdout = sys.stdout, sys.stderr  # nothing else may speak there
        self.wait()

    def wait(self):
        """Waits for the next turn; without a referee there is none."""
        if not sys.stdin.readline():
            sys.exit("The referee is gone.")
        self.began = time.perf_counter()

    def tell(self, **what):
        """Sends a message to the referee; `turn` ends a turn, `end` the race."""
        print(json.dumps(what), file=self.line, flush=True)


class Clock(Contestant):
    """The time that a contestant has used.

    Attributes:
        seconds: Time used until the clock was last stopped.
    """

    def __init__(self):
        self.seconds, self.started = 0.0, None
        super().__init__()

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


class Laps(Contestant):
    """Turns of equally many images.

    Args:
        num_images: Images in a lap.
    """

    def __init__(self, num_images):
        self.num_images, self.done = num_images, 0
        super().__init__()

    def callback(self):
        """Returns a Keras callback that makes each epoch a lap."""
        import keras  # not every contestant computes with it

        return keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: self.start(),
            on_epoch_end=lambda epoch, logs: self.stop(),
        )

    def start(self):
        self.started = time.perf_counter()

    def stop(self):
        """Ends a lap, and with it the turn; waits for the next one."""
        rate = self.num_images / (time.perf_counter() - self.started)
        self.done += 1
        self.tell(turn=self.done, images_per_second=rate)
        self.wait()


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


def rates(commands):
    """Lets processes run their laps in turns, and prints what they tell.

    Args:
        commands: As `taken` has them, of contestants with `Laps`.

    Returns:
        A dict from a contestant's name to its images a second, one number a lap. The
        first lap is left out: it compiles.
    """
    found = {name: [] for name in commands}
    for name, message in taken(commands):
        if "end" in message:
            continue
        lap, rate = message["turn"], message["images_per_second"]
        if lap > 1:
            found[name].append(round(rate, 1))
        print(f"lap {lap}, {name}: {rate:.0f} images/s", flush=True)
    return found


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
        if "end" in message:
            process.wait()  # what comes next shall have the machine to itself
        yield message
        if message.keys() & {"turn", "end"}:
            return
    sys.exit(f"{name} ended too early; see its message above.")
