"""A guard outside of a sandbox: it watches time, memory and disk, and kills.

It looks at the processes from the host's side, where no process of the sandbox can
hide, and kills the first one of the namespace, which takes all others along.
"""

import os
import signal
import threading
import time
from contextlib import suppress

import psutil

from cnnlab.classroom.storage import overfull


class Guard(threading.Thread):
    """Watches a sandbox from outside and kills it when a limit is passed."""

    def __init__(self, process, folder, limits):
        """Takes the `pid` of the sandbox, its folder and its limits."""
        super().__init__(daemon=True)
        self.process, self.folder, self.limits = process, folder, limits
        self.reason = None  # why it was killed
        self.finished = threading.Event()
        self.end = time.monotonic() + limits.seconds

    def run(self):
        """Looks four times a second until `finished` is set or a limit is passed."""
        while not self.finished.wait(0.25):
            try:
                reason = self.passed()
            except OSError:  # a folder that cannot be read hides something
                reason = "disk"
            if reason:
                self.kill(reason)

    def kill(self, reason):
        """Kills every process of the sandbox and keeps the first reason."""
        self.reason = self.reason or reason
        self.finished.set()
        kill_tree(self.process)

    def passed(self):
        """Returns the name of a limit that is passed, or None."""
        used, allowed = usage(self.process), self.limits
        if time.monotonic() > self.end:
            return "time"
        if used["processor_seconds"] > allowed.processor_seconds:
            return "time"
        if used["megabytes"] > allowed.megabytes:
            return "memory"
        processes = [each.pid for each in _tree(self.process)]
        return "disk" if overfull(self.folder, processes, allowed) else None


def usage(process):
    """Sums up what a process and all below it use: memory, processor time."""
    megabytes = seconds = 0.0
    for each in _tree(process):
        try:
            megabytes += each.memory_info().rss / 1e6
            seconds += sum(each.cpu_times()[:4])  # of ended children too
        except psutil.Error:
            continue
    return {"megabytes": megabytes, "processor_seconds": seconds}


def kill_tree(process):
    """Sends SIGKILL to a process and all below it, and waits until those are gone."""
    tree = _tree(process)
    for each in tree:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(each.pid, signal.SIGKILL)
    psutil.wait_procs(tree[1:], timeout=5)  # the first is waited for by its parent


def _tree(process):
    try:
        root = psutil.Process(process)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []
