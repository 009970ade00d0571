"""How long one image takes through each of many networks, as float32 TFLite models."""

import record

from cnnlab.lite.convert import convert
from cnnlab.lite.cost import interleaved, runner

ROUNDS = 25  # all networks in each


def add(name, models, image):
    """Adds to a record the median milliseconds of each network, on one thread.

    It wants an idle machine.

    Args:
        name: Name of the record.
        models: Pairs of a network's name and its `keras.Model`.
        image: What one call computes, shape `(1, H, W, C)`.
    """
    functions = {key: runner(convert(model, "float32"), image) for key, model in models}
    found = interleaved(functions, rounds=ROUNDS)
    content = record.read(name)
    content["latency"] = {
        **record.conditions("ai-edge-litert", "tensorflow"),
        "milliseconds": {key: round(each.median, 4) for key, each in found.items()},
    }
    record.write(name, content)
