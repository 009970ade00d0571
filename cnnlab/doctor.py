"""A quiet start for every lesson, and what is missing on this machine.

Every lesson's import cell begins with `quiet_start`. TensorFlow writes log lines to
file descriptor 2 before any of its log levels apply
(https://github.com/tensorflow/tensorflow/issues/100442), so the descriptor itself is
turned away while the backend starts. What was written then is kept for `cnnlab doctor`.

TensorFlow also loses time between epochs. `fit` reads each epoch by a new iterator of
`tf.data`, and deleting the old one waits for the thread that tunes it. That thread
sleeps for 10 ms, then 20, 40 ... up to a minute. When it is told to end, it is woken
first and the flag that it looks at is set afterwards (`Model::OptimizeLoop` in
tensorflow/core/framework/model.cc, seen in TensorFlow 2.21). Often it then sleeps on,
for up to as long as the epoch took, while `fit` waits and every core is idle
(benchmarks/epoch_waits.py). Untuned iterators have no such thread, and yield the same
batches.

And on Linux it leaves oneDNN, its library of fast convolutions, off on processors that
have no instructions for int8 or bfloat16 (`DefaultOneDnnPolicy` in
tensorflow/core/util/port.cc): those of many laptops, whose trainings it speeds up as
well (benchmarks/onednn.py).
"""

import functools
import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

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

hidden_messages = []


def quiet_start():
    """Imports Keras and starts its backend without a line on standard error.

    TensorFlow computes with oneDNN on every x86-64 processor, unless the environment
    says `TF_ENABLE_ONEDNN_OPTS=0`. From then on, a dataset of TensorFlow that does not
    ask for tuning is iterated over untuned. A pipeline of your own should then say
    `num_parallel_calls` and `prefetch` itself. A second call does nothing new. An
    exception is raised as ever.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if platform.machine().lower() in ("x86_64", "amd64"):
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with _standard_error_kept_in(hidden_messages):
        import keras

        keras.ops.zeros(1)  # lists the devices, which is when backends talk most
        if keras.backend.backend() == "tensorflow":
            _leave_datasets_untuned()


@functools.cache  # once is enough
def _leave_datasets_untuned():
    import tensorflow as tf

    untuned = tf.data.Options()
    untuned.autotune.enabled = False
    iterate = tf.data.Dataset.__iter__

    @functools.wraps(iterate)
    def iterate_untuned(dataset):
        if dataset.options().autotune.enabled is None:
            dataset = dataset.with_options(untuned)
        return iterate(dataset)

    tf.data.Dataset.__iter__ = iterate_untuned


@contextmanager
def _standard_error_kept_in(messages):
    with tempfile.TemporaryFile() as kept:
        terminal = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            kept.seek(0)
            messages += kept.read().decode(errors="replace").splitlines()


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
    gigabytes = shutil.disk_usage(Path.home()).free / 1e9
    found = f"{gigabytes:.0f} GB free"
    if gigabytes < GIGABYTES_NEEDED:
        remedy = f"a download needs up to {GIGABYTES_NEEDED} GB: make space"
        yield Finding("disk", "note", found, remedy)
    else:
        yield Finding("disk", "good", found)


def _programs():
    for name, (use, commands) in PROGRAMS.items():
        place = next(filter(None, map(shutil.which, commands)), None)
        if place:
            yield Finding(name, "good", place)
        else:
            remedy = f"wanted for {use} alone; on Debian: apt install {name}"
            yield Finding(name, "note", "not found (optional)", remedy)
