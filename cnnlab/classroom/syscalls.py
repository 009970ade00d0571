"""System calls that no notebook needs, refused in the sandbox.

Most of them keep memory or files where no limit counts them: files without a name,
shared segments, semaphores, descriptors on their way through a socket, tables of
descriptors that a thread has for itself. Others are refused for what they are asked:
no mode that lets a program run as its owner, no sockets but streams of this machine.
The filter is a program for the kernel's own small machine, as bubblewrap takes it; on
processors that are not listed there is none.
Source: https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

import errno
import os
import platform
import struct
from contextlib import contextmanager

# Refused whatever their arguments; the number on x86-64, then on ARM64.
REFUSED = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "io_setup": (206, 0),
    "io_uring_setup": (425, 425),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "landlock_create_ruleset": (444, 444),
    "vmsplice": (278, 75),
    "splice": (275, 76),
    "tee": (276, 77),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "unshare": (272, 97),
    "setns": (308, 268),
    "clone3": (435, 435),  # its flags lie behind a pointer; the C library uses clone
    "openat2": (437, 437),  # so does its mode; the C library uses openat
}
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
SET_ID = ANY_BIT, 0o6000, True
CREATING = ANY_BIT, 0o100 | 0o20000000, True  # O_CREAT, O_TMPFILE
# Refused if all tests hold: the argument, how to test it, with what, and the outcome.
CONDITIONS = {
    "chmod": ((90, None), [(1, *SET_ID)]),
    "fchmod": ((91, 52), [(1, *SET_ID)]),
    "fchmodat": ((268, 53), [(2, *SET_ID)]),
    "fchmodat2": ((452, 452), [(2, *SET_ID)]),
    "creat": ((85, None), [(1, *SET_ID)]),
    "open": ((2, None), [(1, *CREATING), (2, *SET_ID)]),
    "openat": ((257, 56), [(2, *CREATING), (3, *SET_ID)]),
    "mknod": ((133, None), [(1, *SET_ID)]),
    "mknodat": ((259, 33), [(2, *SET_ID)]),
    # a thread with descriptors of its own, by CLONE_THREAD without CLONE_FILES
    "clone": ((56, 220), [(0, ANY_BIT, 0x10000, True), (0, ANY_BIT, 0x400, False)]),
    "close_range": ((436, 436), [(2, ANY_BIT, 2, True)]),  # CLOSE_RANGE_UNSHARE
    "socket": ((41, 198), [(0, EQUAL, 1, False)]),  # AF_UNIX
    "socket of datagrams": ((41, 198), [(1, ANY_BIT, 0xE, True)]),
    "setsockopt": ((54, 208), [(1, EQUAL, 1, True), (2, EQUAL, 7, True)]),  # SO_SNDBUF
    "socketpair": ((53, 199), [(0, EQUAL, 1, False)]),
    "socketpair of datagrams": ((53, 199), [(1, ANY_BIT, 0xE, True)]),
}
MACHINE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
OTHER_ABI = 0x40000000  # calls from here on are the same ones under other numbers
ARCHITECTURE, NUMBER, ARGUMENTS = 4, 0, 16  # offsets into what the kernel shows
ALLOW, UNKNOWN, FORBID = (
    0x7FFF0000,
    0x00050000 | errno.ENOSYS,
    0x00050000 | errno.EPERM,
)


def program(machine):
    """Assembles the filter.

    Args:
        machine: Name of the processor, as `platform.machine` gives it.

    Returns:
        Bytes: eight for each instruction; none for a processor that is not listed.
    """
    if machine not in MACHINE:
        return b""
    column = list(MACHINE).index(machine)
    steps = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, MACHINE[machine])]
    steps += [(RETURN, 0, 0, UNKNOWN), (LOAD, 0, 0, NUMBER)]
    steps += [(AT_LEAST, 0, 1, OTHER_ABI), (RETURN, 0, 0, UNKNOWN)]
    for numbers in REFUSED.values():
        steps += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, UNKNOWN)]
    for numbers, tests in CONDITIONS.values():
        if numbers[column] is not None:
            steps += _conditional(numbers[column], tests)
    steps += [(RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _conditional(number, tests):
    """Assembles the steps that forbid a call if all tests hold.

    They leave the number of the call loaded if one does not, for the steps to come.
    """
    block = []
    for left, (argument, test, operand, outcome) in zip(
        range(len(tests), 0, -1), tests
    ):
        away = 2 * (left - 1) + 1  # behind the tests that are left, and the refusal
        jumps = (0, away) if outcome else (away, 0)
        block += [(LOAD, 0, 0, ARGUMENTS + 8 * argument), (test, *jumps, operand)]
    block += [(RETURN, 0, 0, FORBID), (LOAD, 0, 0, NUMBER)]
    return [(EQUAL, 0, len(block), number), *block]


@contextmanager
def opened():
    """Opens the filter of this machine for one sandbox to read.

    Yields:
        A tuple of file descriptors to hand down: one, or none without a filter.
    """
    content = program(platform.machine())
    if not content:
        yield ()
        return
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    try:
        yield (reading,)
    finally:
        os.close(reading)
