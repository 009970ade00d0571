"""How long one image takes through each of many networks, as float32 TFLite models."""

from cnnlab.lite.convert import convert
from cnnlab.lite.cost import interleaved, runner

ROUNDS = 25  # all networks in each


def measure(models, image):
    """Returns a row for each network: the median milliseconds of an image, one thread.

    Args:
        models: Pairs of a network's name and its `keras.Model`.
        image: What one call computes, shape `(1, H, W, C)`.
    """
    functions = {key: runner(convert(model, "float32"), image) for key, model in models}
    found = interleaved(functions, rounds=ROUNDS)
    return [
        {"arm": key, "milliseconds": round(each.median, 4)}
        for key, each in found.items()
    ]
