"""What a user would pick instead of TFLite: the same network in other runtimes.

ONNX Runtime gets Keras' own export, in float32 and statically quantised to int8 with
the images that TFLite has been given. PyTorch gets the weights in a module written as
one writes it there, run eagerly. What is not installed is left out with a sentence;
requirements-bench.txt brings it.
"""

import importlib.util
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

BATCH = 500  # images in one step, where the speed is not measured


class Contestant(NamedTuple):
    """The network in one runtime.

    Attributes:
        num_bytes: Size of its file.
        predict: Function from images `(N, H, W, C)` to scores `(N, num_classes)`.
        runner: Function from one batch and a number of threads to a function without
            arguments that computes the batch once.
    """

    num_bytes: int
    predict: Callable
    runner: Callable


def is_installed(*names):
    """Says in a sentence what is missing; returns whether nothing is."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"Not installed: {', '.join(missing)}; a competitor is left out, until "
            "`pip install -r requirements-bench.txt` has brought it."
        )
    return not missing


def competitors(model, representative_images, folder):
    """Builds what can be built here.

    Args:
        model: The modern CNN.
        representative_images: Floats of shape `(N, H, W, C)` for quantisation.
        folder: Where files are written.

    Returns:
        A dict from a name to a `Contestant`.
    """
    found = {}
    if is_installed("onnx", "onnxruntime", "tf2onnx"):
        path = Path(folder) / "model.onnx"
        model.export(path, format="onnx", verbose=False)
        quantized = _quantized(path, representative_images)
        found["ONNX Runtime float32"] = _onnx(path)
        found["ONNX Runtime int8"] = _onnx(quantized)
    if is_installed("torch"):
        found["PyTorch eager float32"] = _torch(model)
    return found


def _quantized(path, images):
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            name = _session(path, 1).get_inputs()[0].name
            self.batches = iter([{name: image[None]} for image in images])

        def get_next(self):
            return next(self.batches, None)

    prepared, quantized = path.with_stem("prepared"), path.with_stem("int8")
    quant_pre_process(path, prepared)
    quantization.quantize_static(
        prepared,
        quantized,
        Reader(),
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,  # faster on x86 than int8
    )
    return quantized


def _session(path, num_threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )


def _onnx(path):
    def runner(images, num_threads):
        session = _session(path, num_threads)
        feed = {session.get_inputs()[0].name: images}
        return lambda: session.run(None, feed)[0]

    return Contestant(path.stat().st_size, _in_batches(runner), runner)


def _in_batches(runner):
    def predict(images):
        starts = range(0, len(images), BATCH)
        return np.concatenate([runner(images[s : s + BATCH], 2)() for s in starts])

    return predict


def _torch(model):
    import torch

    network = torch.nn.Sequential(*_torch_layers(model)).eval()
    file = io.BytesIO()
    torch.save(network.state_dict(), file)

    def runner(images, num_threads):
        torch.set_num_threads(num_threads)  # of the process
        tensor = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))

        def compute():
            with torch.inference_mode():
                return network(tensor).numpy()

        return compute

    return Contestant(len(file.getvalue()), _in_batches(runner), runner)


def _torch_layers(model):
    """Yields PyTorch's layers with the weights of a stack of Keras layers."""
    from torch import nn

    for layer in model.layers:
        weights = [weight.numpy() for weight in layer.weights]
        match type(layer).__name__:
            case "Conv2D":
                shape = layer.kernel.shape
                made = nn.Conv2d(shape[2], shape[3], shape[0], padding=layer.padding)
                yield _with(made, [weights[0].transpose(3, 2, 0, 1), weights[1]])
            case "BatchNormalization":
                made = nn.BatchNorm2d(len(weights[0]), layer.epsilon)
                yield _with(made, weights)
            case "Dense":
                made = nn.Linear(*layer.kernel.shape)
                yield _with(made, [weights[0].T, weights[1]])
                if layer.activation.__name__ == "silu":
                    yield nn.SiLU()
            case "Activation":
                yield nn.SiLU()
            case "MaxPooling2D":
                yield nn.MaxPool2d(2)
            case "GlobalAveragePooling2D":
                yield nn.AdaptiveAvgPool2d(1)
                yield nn.Flatten()


def _with(layer, weights):
    """Fills a PyTorch layer's tensors, which are in the order of Keras'."""
    import torch

    tensors = [t for t in layer.state_dict().values() if t.ndim]
    for tensor, weight in zip(tensors, weights, strict=True):
        tensor.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
    return layer
