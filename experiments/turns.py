"""Processes that take turns, so that whatever else a machine does hits all alike.

A turn is a lap of so many images, and contestants go round.
"""

import json
import os
import subprocess
import sys
import time

from experiments.conditions import ROOT


class Laps:
    """A contestant's line to the referee, in turns of equally many images.

    Making one waits for the first turn.

    Args:
        num_images: Images in a lap.
    """

    def __init__(self, num_images):
        self.num_images, self.done = num_images, 0
        self.line, sys.stdout = sys.stdout, sys.stderr  # nothing else may speak there
        self.wait()

    def wait(self):
        """Waits for the next turn; without a referee there is none."""
        if not sys.stdin.readline():
            sys.exit("The referee is gone.")

    def tell(self, **what):
        """Sends a message to the referee; `turn` ends a turn, `end` all of them."""
        print(json.dumps(what), file=self.line, flush=True)

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


def rates(commands):
    """Lets processes run their laps in turns until all have ended.

    Args:
        commands: A dict from a contestant's name to its arguments for Python.

    Returns:
        A dict from a contestant's name to its images a second, one number a lap. The
        first lap is left out: it compiles.
    """
    processes = {name: _started(command) for name, command in commands.items()}
    found, laps = {name: [] for name in commands}, dict.fromkeys(commands, 0)
    try:
        while laps:
            name = min(laps, key=laps.get)
            message = _turn(name, processes[name])
            if "end" in message:
                del laps[name]
                continue
            laps[name], rate = message["turn"], message["images_per_second"]
            if laps[name] > 1:
                found[name].append(round(rate, 1))
            print(f"lap {laps[name]}, {name}: {rate:.0f} images/s", flush=True)
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()
    return found


def _started(command):
    return subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def _turn(name, process):
    process.stdin.write("go\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        sys.exit(f"{name} ended too early; see its message above.")
    message = json.loads(line)
    if "end" in message:
        process.wait()  # what comes next shall have the machine to itself
    return message
