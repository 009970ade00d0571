"""How long a forward pass takes on this machine.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
"""

import time
from typing import NamedTuple

import numpy as np


class Latency(NamedTuple):
    """Milliseconds of one call: the median of all runs and their quartiles."""

    median: float
    lower_quartile: float
    upper_quartile: float


def latency(model, batch_size=1, num_runs=30, num_warmups=5):
    """Times a model's forward pass as `predict_on_batch` runs it, compiled.

    Args:
        model: `keras.Model` with a known input shape except for the batch.
        batch_size: Images in the batch.
        num_runs: Runs that count.
        num_warmups: Runs before them that do not.

    Returns:
        A `Latency` in milliseconds.

    Raises:
        ValueError: If the model leaves the size of an image open.
    """
    shape = tuple(model.input_shape[1:])
    if None in shape:
        raise ValueError(
            "The latency of a model depends on the size of its images, which must be "
            f"known: build it with a fixed `input_shape`. Received: {shape}"
        )
    images = np.zeros((batch_size, *shape), "float32")
    milliseconds = []
    for _ in range(num_warmups + num_runs):
        started = time.perf_counter()
        model.predict_on_batch(images)
        milliseconds.append(1000 * (time.perf_counter() - started))
    lower, median, upper = np.percentile(milliseconds[num_warmups:], (25, 50, 75))
    return Latency(float(median), float(lower), float(upper))
