"""Limits kept by the kernel itself: a control group (version 2) for each sandbox.

Where there are control groups and the grader may make them, nothing that a process
does hides memory or processor time. Elsewhere the guard counts what it can see.
Source: https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

import os
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
WANTED = {"memory", "pids"}
END_SECONDS = 2


def available(switch_on=True):
    """Says whether the grader may limit sandboxes by control groups.

    Args:
        switch_on: Whether controllers that are off may be switched on for it.

    Returns:
        A bool.
    """
    try:
        here = set((ROOT / "cgroup.controllers").read_text().split())
        if not here >= WANTED or not os.access(ROOT, os.W_OK):
            return False
        control = ROOT / "cgroup.subtree_control"
        missing = WANTED - set(control.read_text().split())
        if missing and switch_on:
            control.write_text(" ".join(f"+{each}" for each in sorted(missing)))
        return set(control.read_text().split()) >= WANTED
    except OSError:
        return False


class Group:
    """The control group of one sandbox."""

    def __init__(self, name, limits):
        """Makes the group.

        Args:
            name: Begins with `cnnlab-` and the grader's number, as `folders` says.
            limits: `sandbox.Limits`.

        Raises:
            OSError: If the kernel refuses.
        """
        self.path = ROOT / name
        self.path.mkdir(exist_ok=True)
        self._write("memory.max", limits.megabytes * 10**6)
        with suppress(OSError):  # a kernel without swap has no such file
            self._write("memory.swap.max", 0)
        self._write("memory.oom.group", 1)
        self._write("pids.max", limits.processes)

    def _write(self, name, value):
        (self.path / name).write_text(str(value))

    def _read(self, name):
        lines = (self.path / name).read_text().splitlines()
        return {key: int(value) for key, value in map(str.split, lines)}

    @property
    def processor_seconds(self):
        """Seconds used by all processes, ended ones included."""
        return self._read("cpu.stat")["usage_usec"] / 1e6

    @property
    def out_of_memory(self):
        """Whether the kernel has killed the sandbox for its memory."""
        return self._read("memory.events").get("oom_kill", 0) > 0

    def kill(self):
        """Kills every process of the group."""
        with suppress(OSError):
            self._write("cgroup.kill", 1)

    def remove(self):
        """Removes the group once its processes are gone."""
        end = time.monotonic() + END_SECONDS
        while self.path.exists() and time.monotonic() < end:
            with suppress(OSError):
                self.path.rmdir()
                return
            time.sleep(0.05)


def remove_leftovers(alive):
    """Kills and removes the groups of graders that are gone.

    Args:
        alive: Function that says whether a process of a number exists.
    """
    for path in ROOT.glob("cnnlab-*"):
        grader = path.name.split("-")[1]
        if grader.isdigit() and not alive(int(grader)):
            group = Group.__new__(Group)
            group.path = path
            group.kill()
            group.remove()
