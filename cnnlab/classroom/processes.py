"""The processes of a sandbox, seen from the host's side, where none of them can hide.

A process whose first thread has ended shows nothing of itself, while its other threads
go on: what it holds is read from a thread that lives. A number may belong to another
process by the time of the kill, a descriptor of the process cannot.
"""

import os
import select
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
KILL_SECONDS = 5
TICK = os.sysconf("SC_CLK_TCK")
MEMORY = ("VmRSS:", "VmPTE:", "VmSwap:")  # pages, the tables that find them, swapped
BUFFER = Path("/proc/sys/net/core/wmem_default")  # bytes that a socket may keep


class Tree:
    """A process and all below it."""

    def __init__(self, root):
        """Takes the number of a child that was not waited for yet."""
        self.root, self.handle = root, os.pidfd_open(root)

    def numbers(self):
        """Lists the processes that there are; none when the first has ended."""
        if _ended([self.handle], 0):
            return []
        found, pending = [], [self.root]
        while pending:
            process = pending.pop()
            found.append(process)
            for task in _tasks(process):
                with suppress(OSError):
                    children = (task / "children").read_bytes().split()
                    pending += [int(each) for each in children]
        return found

    def kill(self):
        """Ends all of them and waits until those below the first are gone."""
        numbers = self.numbers()
        handles = [_open_child(each, numbers) for each in numbers[1:]]
        handles = [each for each in handles if each is not None]
        for each in (self.handle, *handles):
            with suppress(OSError):
                signal.pidfd_send_signal(each, signal.SIGKILL)
        end = time.monotonic() + KILL_SECONDS
        while not _ended(handles, 100) and time.monotonic() < end:
            pass
        for each in handles:
            os.close(each)

    def close(self):
        """Gives the descriptor of the first process back."""
        os.close(self.handle)


def _open_child(process, parents):
    """Opens a process; None if the number belongs to another one by now."""
    try:
        handle = os.pidfd_open(process)
    except OSError:
        return None
    times = stat(process)
    if times and times.parent in parents:
        return handle
    os.close(handle)
    return None


def _ended(handles, milliseconds):
    """Waits for processes, if there are any; says whether all have ended."""
    if not handles:
        return True
    poll = select.poll()
    for each in handles:
        poll.register(each, select.POLLIN)
    return len(poll.poll(milliseconds)) == len(handles)


class Stat(NamedTuple):
    """What the kernel says about a process."""

    parent: int
    start: int  # in ticks since the machine started
    running: bool
    own: float  # seconds of all its threads, ended ones included
    children: float  # seconds of the children that it waited for


def stat(process):
    """Reads a `Stat`; None if the process is gone."""
    try:
        text = (PROC / str(process) / "stat").read_bytes()
    except OSError:
        return None
    state, parent, *fields = text.rpartition(b")")[2].split()
    own, children = (sum(map(int, fields[at : at + 2])) / TICK for at in (9, 11))
    return Stat(int(parent), int(fields[17]), state == b"R", own, children)


def _tasks(process):
    """Lists the folders of a process's threads; none if it has ended."""
    folder = PROC / str(process) / "task"
    with suppress(OSError):
        return [folder / each for each in os.listdir(folder)]
    return []


def living(process):
    """Returns the folder of a thread that still has memory and files, or None."""
    for task in _tasks(process):
        with suppress(OSError):
            if (task / "statm").read_bytes().split()[0] != b"0":
                return task
    return None


def megabytes(processes):
    """Sums up the memory of processes: pages, page tables, buffers of sockets."""
    total, sockets = 0.0, 0
    for process in processes:
        if (task := living(process)) is None:
            continue
        with suppress(OSError):
            for line in (task / "status").read_text().splitlines():
                if line.startswith(MEMORY):
                    total += int(line.split()[1]) * 1024
        sockets = max(sockets, _sockets(task))
    return (total + sockets * int(BUFFER.read_text())) / 1e6


def _sockets(task):
    """Counts the sockets of a sandbox, those without a descriptor among them."""
    with suppress(OSError):
        if os.readlink(task / "ns/net") != os.readlink(PROC / "self/ns/net"):
            return (task / "net/unix").read_bytes().count(b"\n") - 1
    return 0


class Meter:
    """Adds up the processor time of processes, those that nobody waited for included.

    A process's own count contains that of its children only once it has waited for
    them; the children of one that ignores their end are never waited for. So every
    process is remembered. One that ran at a single look counts for the whole time
    between two looks: others like it were never seen.
    """

    def __init__(self):
        """Begins at zero."""
        self.ended = 0.0  # seconds of ended processes that no living one counts
        self.seen = {}  # from (number, start) to its `Stat`, and whether it was new
        self.looked = time.monotonic()

    def seconds(self, processes):
        """Takes a look and returns the seconds used so far, by all together."""
        now = time.monotonic()
        passed, self.looked = now - self.looked, now
        stats = {each: stat(each) for each in processes}
        found = {(n, each.start): each for n, each in stats.items() if each}
        gone = [self.seen[each] for each in self.seen if each not in found]
        counted = sum(each.own + each.children for each, new in gone if not new)
        short = sum(passed if each.running else each.own for each, new in gone if new)
        counted += min(short, passed * os.cpu_count())
        for each in found.keys() & self.seen.keys():
            counted -= found[each].children - self.seen[each][0].children
        self.ended += max(0.0, counted)
        self.seen = {each: (found[each], each not in self.seen) for each in found}
        return self.ended + sum(each.own + each.children for each in found.values())
