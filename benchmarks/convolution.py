"""Speed of the NumPy convolution: against its loops, TensorFlow, and your patience.

Claims: on images of 32x32x3 and 64 kernels of 3x3, the fast form is at least 100
times as fast as the loops and takes at most 5 times as long as TensorFlow. The explorer
of lesson 01 answers a turned knob within 150 ms for an image of 300x300 pixels.
Writes data/records/convolution_speed.json; takes about 10 s on two cores.
"""

import itertools
import statistics
import time
from functools import partial

import numpy as np
import record

from cnnlab.convolution.convolve import conv2d, conv2d_loops
from cnnlab.start import quiet_start
from cnnlab.widgets.convolution import convolution_explorer

BATCH = 32  # images in the comparison with TensorFlow
ROUNDS = 51  # rounds of the comparison with TensorFlow, both forms in each
LOOP_ROUNDS = 5  # rounds of the comparison with the loops, on one image
CALLS = 11  # of the fast form in each of them
KNOB_ROUNDS = 21  # turns of a knob of the explorer
KNOB_SIDE = 300  # pixels of the explorer's image
SEED = 0


def interleaved(functions, rounds):
    """Times functions in turn, so that a busy moment meets all of them.

    Args:
        functions: Dict from name to a function without arguments and the number of
            times that it is called in each round; one call goes before the clock.
        rounds: Number of rounds.

    Returns:
        Dict from name to a list of seconds, one a call.
    """
    for function, _ in functions.values():
        function()
    seconds = {name: [] for name in functions}
    for _ in range(rounds):
        for name, (function, calls) in functions.items():
            for _ in range(calls):
                start = time.perf_counter()
                function()
                seconds[name].append(time.perf_counter() - start)
    return seconds


def measure():
    """Times the three forms; returns their seconds on one image and on a batch."""
    quiet_start()
    import tensorflow as tf

    rng = np.random.default_rng(SEED)
    images = rng.random((BATCH, 32, 32, 3), dtype=np.float32)
    kernels = rng.standard_normal((3, 3, 3, 64), dtype=np.float32)
    image, tensors = images[:1], (tf.constant(images), tf.constant(kernels))
    loops = partial(conv2d_loops, image, kernels, padding="same")
    fast = partial(conv2d, image, kernels, padding="same")
    fast_batch = partial(conv2d, images, kernels, padding="same")
    one = interleaved({"loops": (loops, 1), "fast": (fast, CALLS)}, LOOP_ROUNDS)
    batch = interleaved(
        {
            "fast": (fast_batch, 1),
            "tensorflow": (lambda: tf.nn.conv2d(*tensors, 1, "SAME").numpy(), 1),
        },
        ROUNDS,
    )
    return one, batch


def measure_explorer():
    """Times how the explorer answers a turned knob; returns its seconds."""
    rng = np.random.default_rng(SEED)
    image = rng.random((KNOB_SIDE, KNOB_SIDE), dtype=np.float32)
    explorer = convolution_explorer(image, in_browser=True)
    values = itertools.count(0.5)

    def turn():
        explorer.cells[0].value = next(values)

    return interleaved({"explorer": (turn, 1)}, KNOB_ROUNDS)


def medians(seconds):
    """Returns the median of each list of a dict."""
    return {name: statistics.median(values) for name, values in seconds.items()}


def main():
    """Measures, prints a table, writes the record and checks the claims."""
    one_seconds, batch_seconds = measure()
    knob_seconds = measure_explorer()
    one, batch = medians(one_seconds), medians(batch_seconds)
    knob = medians(knob_seconds)["explorer"]
    rows = [
        ("loops, 1 image", one["loops"]),
        ("fast form, 1 image", one["fast"]),
        (f"fast form, {BATCH} images", batch["fast"]),
        (f"TensorFlow, {BATCH} images", batch["tensorflow"]),
        (f"explorer, {KNOB_SIDE} pixels", knob),
    ]
    for name, seconds in rows:
        print(f"{name:24} {1000 * seconds:9.2f} ms")
    faster = one["loops"] / one["fast"]
    longer = batch["fast"] / batch["tensorflow"]
    print(f"{faster:.0f} times as fast as the loops (claim: at least 100)")
    print(f"{longer:.2f} times as long as TensorFlow (claim: at most 5)")
    print(f"{1000 * knob:.0f} ms for a turned knob (claim: at most 150)")
    content = {
        "what": "3x3 convolution, images 32x32x3, 64 filters, same padding, float32",
        "data": {"name": "random numbers", "seed": SEED},
        **record.conditions("numpy", "tensorflow"),
        "times_as_fast_as_loops": round(faster),
        "times_as_long_as_tensorflow": round(longer, 2),
        "median_milliseconds": in_milliseconds(dict(rows)),
        "runs": [
            {"images": 1, "milliseconds": in_milliseconds(one_seconds)},
            {"images": BATCH, "milliseconds": in_milliseconds(batch_seconds)},
            {"pixels": KNOB_SIDE**2, "milliseconds": in_milliseconds(knob_seconds)},
        ],
    }
    record.write("convolution_speed", content)
    if faster < 100 or longer > 5 or knob > 0.15:
        raise SystemExit("A claim does not hold on this machine.")


def in_milliseconds(seconds):
    """Turns the values of a dict into milliseconds, to a microsecond."""
    return {
        name: np.round(1000 * np.array(s), 3).tolist() for name, s in seconds.items()
    }


if __name__ == "__main__":
    main()
