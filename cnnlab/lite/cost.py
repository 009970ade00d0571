"""What a converted model costs: bytes, memory, time, and what it computes in float.

Taught in notebooks/15_tflite_quantization.ipynb.

Times are those of this machine's processor. Variants are timed in turn within one run,
so that a busy moment meets all of them, and stated as median and quartiles.
"""

import contextlib
import ctypes
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cnnlab.evaluate.latency import Latency
from cnnlab.lite.interpreter import check_images, open_interpreter, to_tensor
from cnnlab.lite.structure import BETWEEN_TYPES, operations, read

TURN = 0.05  # seconds of one function in a round
MEASURE = "from cnnlab.lite.cost import _print_peak; _print_peak()"


class Cost(NamedTuple):
    """What one converted model costs.

    Attributes:
        num_bytes: Size of the flatbuffer.
        peak_kilobytes: Memory at its peak, as `peak_kilobytes` measures it.
        one_thread: `Latency` with one thread.
        two_threads: `Latency` with two threads.
        in_float: Operations computed in float, as `float_operations` lists them.
    """

    num_bytes: int
    peak_kilobytes: int | None
    one_thread: Latency
    two_threads: Latency
    in_float: list


def costs(flatbuffers, images, rounds=50, calls=10):
    """Measures several converted models side by side.

    Args:
        flatbuffers: Dict from a variant's name to its flatbuffer.
        images: Floats of shape `(B, H, W, C)`: what one call computes.
        rounds: Rounds of the measurement of time, all variants in each.
        calls: Calls of each variant in a round.

    Returns:
        A dict from the variant's name to its `Cost`.

    Raises:
        ValueError: If the images do not fit a model, or too few calls are timed.
    """
    runners = {
        (name, threads): runner(flatbuffer, images, threads)
        for name, flatbuffer in flatbuffers.items()
        for threads in (1, 2)
    }
    times = interleaved(runners, rounds, calls)
    return {
        name: Cost(
            len(flatbuffer),
            peak_kilobytes(flatbuffer),
            times[name, 1],
            times[name, 2],
            float_operations(flatbuffer),
        )
        for name, flatbuffer in flatbuffers.items()
    }


def runner(flatbuffer, images, num_threads=1):
    """Returns a function without arguments that computes one batch, and no more."""
    interpreter = open_interpreter(flatbuffer, num_threads=num_threads)
    check_images(images, interpreter)
    (entrance,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(entrance["index"], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(entrance["index"], to_tensor(images, entrance))
    return interpreter.invoke


def milliseconds(model, rounds=5):
    """Times one image through a network's float32 TFLite model, on one thread.

    A hardware-aware search asks this before it trains: the time depends on the shapes
    of a network and not on its weights.

    Args:
        model: `keras.Model` from images `(B, H, W, C)`.
        rounds: As of `interleaved`.

    Returns:
        The median of this machine, in milliseconds.
    """
    from cnnlab.lite.convert import convert  # needs TensorFlow, as no other cost does

    image = np.zeros((1, *model.input_shape[1:]), "float32")
    functions = {"network": runner(convert(model, "float32"), image)}
    return interleaved(functions, rounds)["network"].median


def interleaved(functions, rounds=50, calls=10, warm_up=20):
    """Times functions in turn.

    Args:
        functions: Dict from a name to a function without arguments.
        rounds: Rounds, all functions in each.
        calls: Calls of each function in a round; a slow function has fewer, for its
            turn ends after 50 ms.
        warm_up: Calls of each function before the first round.

    Returns:
        A dict from the name to a `Latency`.

    Raises:
        ValueError: If fewer than two calls are timed.
    """
    for function in functions.values():
        _timed(function, warm_up)
    seconds = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            seconds[name] += _timed(function, calls)
    return {name: _latency(values) for name, values in seconds.items()}


def _timed(function, calls):
    seconds = []
    while len(seconds) <= calls and sum(seconds) < TURN:
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return seconds[1:] or seconds  # the first finds the caches filled by another


def _latency(seconds):
    if len(seconds) < 2:
        raise ValueError(
            "A spread needs two timed calls or more: raise `rounds`. "
            f"Received: {len(seconds)}"
        )
    lower, median, upper = statistics.quantiles(seconds, n=4)
    return Latency(1000 * median, 1000 * lower, 1000 * upper)


def peak_kilobytes(flatbuffer):
    """Measures the memory of one call in a process of its own.

    Args:
        flatbuffer: A converted model.

    Returns:
        The memory that opening the model and one call with one image have taken in a
        process that has the interpreter's library and the file's content already. The
        interpreter lays out its tensors once and keeps them: what it holds after the
        call is its peak. Pages of files, which the system may drop at any time, do not
        count. None where there is no /proc to read it from.
    """
    command = [sys.executable, "-c", MEASURE]
    child = subprocess.run(command, input=bytes(flatbuffer), stdout=subprocess.PIPE)
    child.check_returncode()
    return int(child.stdout) if child.stdout.strip() else None


def _print_peak():
    flatbuffer = sys.stdin.buffer.read()
    with contextlib.suppress(AttributeError):  # glibc alone keeps what was freed
        ctypes.CDLL(None).malloc_trim(0)  # and would serve the model from it
    before = _held()
    interpreter = open_interpreter(flatbuffer, num_threads=1)
    interpreter.invoke()
    if before is not None:
        print(_held() - before)


def _held():
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    return int(status.read_text().split("RssAnon:")[1].split()[0])


def float_operations(flatbuffer):
    """Lists what an integer model computes in float for want of an integer kernel.

    Args:
        flatbuffer: A model converted as "int8", "uint8" or "16x8"; in the others
            every operation is listed.

    Returns:
        A list of pairs: the Keras layer's name and TFLite's name of the operation.
    """
    return [
        (op.layer, op.kind)
        for op in operations(read(flatbuffer))
        if op.type == "FLOAT32" and op.kind not in BETWEEN_TYPES
    ]
