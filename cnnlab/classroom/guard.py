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
        return "disk" if _overfull(self.folder, allowed) else None


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
    """Sends SIGKILL to a process and all below it, the namespace's first among them."""
    for each in _tree(process):
        try:
            os.kill(each.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def _tree(process):
    try:
        root = psutil.Process(process)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def _overfull(folder, limits):
    size = 0
    for number, entry in enumerate(_entries(folder)):
        with suppress(FileNotFoundError):
            size += entry.stat(follow_symlinks=False).st_blocks * 512
        if number > limits.folder_files or size > limits.folder_megabytes * 10**6:
            return True
    return False


def _entries(folder):
    """Yields what lies in a folder, at any depth, following no link."""
    pending = [folder]
    while pending:
        with suppress(FileNotFoundError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                yield entry
