"""What is missing on this machine, and what to do about it: `cnnlab doctor`."""

import importlib.metadata
import os
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from cnnlab.start import quiet_start

ROOT = Path(__file__).resolve().parents[1]
GIGABYTES_NEEDED = 2  # the largest archive, packed and unpacked, and what lessons write
ANEW = "`make clean lab` installs what the lock says"
PROGRAMS = {  # optional: what for, and the commands that they answer to
    "chromium": ("browser tests", ["chromium", "chromium-browser", "google-chrome"]),
    "bubblewrap": ("grading in a sandbox", ["bwrap"]),
}
WAY_OUT = re.compile(  # where a message on data turns from what is wrong to what to do
    r"[.:;] (?=set |unset |connect |check |install |way out|`cnnlab )", re.IGNORECASE
)


class Finding(NamedTuple):
    """One line of the doctor's report."""

    subject: str
    state: str  # "good", "note" or "broken"
    found: str
    remedy: str = ""


def findings(available):
    """Examines this machine, one part after the other.

    Args:
        available: What `cnnlab.data.inventory.available` returns.

    Yields:
        `Finding`s. Only the state "broken" keeps a lesson from running.
    """
    yield from _python()
    yield from _libraries()
    yield from _devices()
    yield from _data(available)
    yield from _disk()
    yield from _programs()
    yield from _limits()


def _python():
    found = f"{sys.version.split()[0]} in {sys.prefix}"
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        yield Finding("Python", "broken", found, "`make lab` with Python 3.11 to 3.13")
    else:
        yield Finding("Python", "good", found)


def _libraries(lock=ROOT / "requirements.txt"):
    from packaging.requirements import Requirement

    lines = re.findall(r"^[\w.-]+==[^\\\n]+", lock.read_text(), re.MULTILINE)
    pins = [
        pin
        for pin in map(Requirement, lines)
        if not pin.marker or pin.marker.evaluate()
    ]
    num_right = 0
    for pin in pins:
        version = _version(pin.name)
        if version is None:
            yield Finding(pin.name, "broken", "not installed", ANEW)
        elif version not in pin.specifier:
            found = f"{version}, the lock says {pin.specifier}"
            yield Finding(pin.name, "note", found, ANEW)
        else:
            num_right += 1
    yield Finding("libraries", "good", f"{num_right} of {len(pins)} as locked")


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _devices():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0")  # here every message counts
    try:
        quiet_start()
        import keras

        devices = keras.distribution.list_devices()
    except Exception as error:
        yield Finding("Keras", "broken", f"{type(error).__name__}: {error}", ANEW)
        return
    found = f"{', '.join(devices)} (Keras on {keras.backend.backend()})"
    yield Finding("devices", "good", found)
    if not shutil.which("nvidia-smi"):
        harmless = "nothing: lessons run without; a message about CUDA is harmless"
        yield Finding("GPU", "good", "no NVIDIA driver", harmless)
    elif all(name.startswith("cpu") for name in devices):
        found = "there is one, and Keras does not see it"
        yield Finding("GPU", "note", found, "`make GPU=1 lab`, then read the messages")


def _data(available):
    states = {"ready": "good", "absent": "note", "damaged": "broken"}
    for dataset, source, state, message in available:
        *fault, remedy = WAY_OUT.split(message, maxsplit=1)
        found = ": ".join([state, *fault])
        remedy = remedy[:1].upper() + remedy[1:]
        yield Finding(f"{dataset}, {source}", states[state], found, remedy)


def _disk():
    from cnnlab.data.network import find_home  # where downloads go

    gigabytes = shutil.disk_usage(find_home()).free / 1e9
    found = f"{gigabytes:.0f} GB free"
    if gigabytes < GIGABYTES_NEEDED:
        remedy = f"a download needs up to {GIGABYTES_NEEDED} GB: make space"
        yield Finding("disk", "note", found, remedy)
    else:
        yield Finding("disk", "good", found)


def _programs():
    for name, (use, commands) in PROGRAMS.items():
        path = next(filter(None, map(shutil.which, commands)), None)
        if path:
            yield Finding(name, "good", path)
        else:
            remedy = f"wanted for {use} alone; on Debian: apt install {name}"
            yield Finding(name, "note", "not found (optional)", remedy)


def _limits():
    """Says what keeps students' code within its limits, where any is graded."""
    if not shutil.which("bwrap"):
        return
    from cnnlab.classroom import cgroup

    if cgroup.available(switch_on=False):
        found = "kept by the kernel: control groups of version 2"
        yield Finding("limits of grading", "good", found)
    else:
        found = (
            "kept by cnnlab's guard: no control groups of version 2 for this account"
        )
        yield Finding("limits of grading", "good", found)
