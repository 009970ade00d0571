"""Which layer of a converted model loses the most?

Taught in notebooks/15_tflite_quantization.ipynb.

The converted model is cut apart between its layers: each is given what the float32
model has there, and all of them run in one step. TensorFlow's QuantizationDebugger
answers the same question for int8 alone, from the Keras model, converting it anew.
"""

from typing import NamedTuple

import numpy as np

from cnnlab.lite.cut import cut_apart, ends_of_layers, same_tensors
from cnnlab.lite.interpreter import (
    check_images,
    open_interpreter,
    to_floats,
    to_tensor,
)
from cnnlab.lite.structure import read, write


class LayerError(NamedTuple):
    """What one layer of a converted model loses.

    An error is taken for each channel, the root mean square of its difference from the
    float32 model divided by the root mean square of its values, at most 1, and averaged
    over the channels. One ratio for the whole tensor would be blind to what a single
    loud channel does to the quiet ones.

    Attributes:
        layer: Name of the Keras layer.
        operations: TFLite's names of its operations.
        own: Error of its output when its input is that of the float32 model.
        accumulated: Error of its output when its input comes from the layers before.
    """

    layer: str
    operations: str
    own: float
    accumulated: float


def layer_errors(reference, flatbuffer, images, batch_size=50):
    """Measures what each layer of a converted model loses.

    Args:
        reference: The model converted as "float32", bytes.
        flatbuffer: The same model converted as another variant, bytes.
        images: Floats of shape `(N, H, W, C)`, scaled as the Keras model's images are.
        batch_size: Images in one step.

    Returns:
        A list of `LayerError`s in order of execution.

    Raises:
        ValueError: If the two are not the same model, or the images do not fit it.
    """
    original, whole, parts = read(reference), read(flatbuffer), read(flatbuffer)
    same = same_tensors(whole, original)
    ends = ends_of_layers(whole, same)
    images = np.asarray(images)
    check_images(images, open_interpreter(reference))
    sources = cut_apart(parts, same)
    tensors = [end.tensor for end in ends]
    run_original = _runner(original, sorted(set(same.values())))
    run_whole, run_parts = _runner(whole, tensors), _runner(parts, tensors)
    powers = dict.fromkeys(tensors, 0)
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        truth = run_original([batch])
        own = run_parts([truth[same[tensor]] for tensor in sources])
        accumulated = run_whole([batch])
        for tensor in tensors:
            arrays = truth[same[tensor]], own[tensor], accumulated[tensor]
            powers[tensor] = powers[tensor] + _powers(*arrays)
    return [
        LayerError(end.layer, end.operations, *_relative(*powers[end.tensor]))
        for end in ends
    ]


def _runner(model, tensors):
    """Returns a function from a model's inputs to a dict of the tensors' values."""
    model.subgraphs[0].outputs, model.signatureDefs = tensors, None
    interpreter = open_interpreter(write(model), num_threads=1)
    entrances = interpreter.get_input_details()
    details = {detail["index"]: detail for detail in interpreter.get_output_details()}

    def run(values):
        for entrance, value in zip(entrances, values, strict=True):
            interpreter.resize_tensor_input(entrance["index"], value.shape)
        interpreter.allocate_tensors()
        for entrance, value in zip(entrances, values):
            interpreter.set_tensor(entrance["index"], to_tensor(value, entrance))
        interpreter.invoke()
        return {
            tensor: to_floats(interpreter.get_tensor(tensor), detail)
            for tensor, detail in details.items()
        }

    return run


def _powers(truth, own, accumulated):
    """Sums of squares, shape `(3, C)`: of the signal and of the two differences."""
    arrays = (truth, own - truth, accumulated - truth)
    rows = [array.reshape(-1, truth.shape[-1]) for array in arrays]
    return np.array([np.einsum("nc,nc->c", array, array) for array in rows])


def _relative(signal, *differences):
    """Mean over the channels that are not silent of their relative errors."""
    loud = signal > 0
    for difference in differences:
        errors = np.sqrt(difference[loud] / signal[loud])
        errors = np.where(errors < 1, errors, 1)  # and where it is nan
        yield float(errors.mean()) if loud.any() else 0.0
