"""System calls that no notebook needs, refused in the sandbox.

Most of them keep memory where no limit counts it: files without a name, shared
segments, message queues. The filter is a program for the kernel's own small machine,
as bubblewrap takes it; on processors that are not listed there is none.
Source: https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

import errno
import os
import platform
import struct
from contextlib import contextmanager

# memfd_create, memfd_secret, shmget, msgget, mq_open, io_uring_setup, userfaultfd,
# perf_event_open, bpf, add_key, request_key, keyctl
REFUSED = {
    "x86_64": (319, 447, 29, 68, 240, 425, 323, 298, 321, 248, 249, 250),
    "aarch64": (279, 447, 194, 186, 180, 425, 282, 241, 280, 217, 218, 219),
}
MACHINE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
OTHER_ABI = 0x40000000  # calls from here on are the same ones under other numbers
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.ENOSYS


def program(machine):
    """Assembles the filter.

    Args:
        machine: Name of the processor, as `platform.machine` gives it.

    Returns:
        Bytes: eight for each instruction; none for a processor that is not listed.
    """
    if machine not in REFUSED:
        return b""
    calls = REFUSED[machine]
    steps = [(LOAD, 0, 0, 4), (EQUAL, 0, len(calls) + 3, MACHINE[machine])]
    steps += [(LOAD, 0, 0, 0), (AT_LEAST, len(calls) + 1, 0, OTHER_ABI)]
    steps += [(EQUAL, len(calls) - n, 0, call) for n, call in enumerate(calls)]
    steps += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


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
