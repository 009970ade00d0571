"""A guard outside of a sandbox: it watches time, memory and disk, and kills.

It looks at the processes from the host's side, where no process of the sandbox can
hide. Where the machine has control groups, the kernel keeps memory and counts time.
"""

import random
import threading
import time

import psutil

from cnnlab.classroom.processes import Meter, Tree, megabytes
from cnnlab.classroom.storage import excess

SOCKETS = [f"socket-{number}" for number in range(1, 6)]  # the channels of a kernel
LOOK_SECONDS = 0.05, 0.15  # between two looks, so that nobody knows the next one


class Guard(threading.Thread):
    """Watches a sandbox from outside and kills it when a limit is passed."""

    def __init__(self, process, folder, limits, group=None):
        """Takes the `pid` of the sandbox, its folder, its limits, its `cgroup.Group`.

        The process is a child of this one that was not waited for yet.
        """
        super().__init__(daemon=True)
        self.tree, self.meter, self.group = Tree(process), Meter(), group
        self.folder, self.limits = folder, limits
        self.reason = None  # why it was killed
        self.finished = threading.Event()
        self.killing = threading.Lock()
        self.end = time.monotonic() + limits.seconds
        self.grader = psutil.Process()
        self.most = self.grader.memory_info().rss + limits.grader_megabytes * 10**6

    def run(self):
        """Looks until `finished` is set or a limit is passed."""
        while not self.finished.wait(random.uniform(*LOOK_SECONDS)):
            try:
                reason = self.passed()
            except OSError:  # a folder that cannot be read hides something
                reason = "disk"
            if reason:
                self.kill(reason)

    def kill(self, reason):
        """Kills every process of the sandbox and keeps the first reason."""
        with self.killing:
            if self.reason is None:
                starved = self.group and self.group.out_of_memory
                self.reason = "memory" if starved else reason
            self.finished.set()
            if self.group:
                self.group.kill()
            self.tree.kill()
            if self.group:
                self.group.remove()

    def passed(self):
        """Returns the name of a limit that is passed, or None."""
        allowed, processes = self.limits, self.tree.numbers()
        if time.monotonic() > self.end:
            return "time"
        if self._seconds(processes) > allowed.processor_seconds:
            return "time"
        if self._too_much_memory(processes):
            return "memory"
        if self.grader.memory_info().rss > self.most:
            return "output"
        return "ended" if self.has_link() else excess(self.folder, processes, allowed)

    def has_link(self):
        """Says whether a socket of the kernel became a link, to one of the host."""
        return any((self.folder / each).is_symlink() for each in SOCKETS)

    def _seconds(self, processes):
        if self.group:
            return self.group.processor_seconds
        return self.meter.seconds(processes)

    def _too_much_memory(self, processes):
        if self.group:
            return self.group.out_of_memory
        return megabytes(processes) > self.limits.megabytes
