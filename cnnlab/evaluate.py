"""What a network is worth and what it costs: numbers out.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Source: receptive field arithmetic, Araujo et al. 2019,
    https://distill.pub/2019/computing-receptive-fields/
"""

import time
from typing import NamedTuple

import keras
import numpy as np
from keras import layers
from sklearn.metrics import confusion_matrix


def predict(model, images, batch_size=500):
    """Returns the class probabilities of a model that ends in logits.

    Args:
        model: `keras.Model` from images to logits.
        images: Array of shape `(N, H, W, C)`.
        batch_size: Images in one step.

    Returns:
        A NumPy array of shape `(N, num_classes)` whose rows sum to 1.
    """
    logits = model.predict(images, batch_size=batch_size, verbose=0)
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def accuracy(probabilities, labels):
    """Returns the share of images whose most probable class is the right one.

    Args:
        probabilities: Array of shape `(N, num_classes)`; logits serve as well.
        labels: Class numbers, shape `(N,)`.

    Returns:
        A float in [0, 1].

    Raises:
        ValueError: If the two differ in length.
    """
    if len(probabilities) != len(labels):
        raise ValueError(
            "There must be one label for each row of `probabilities`. "
            f"Received: {len(probabilities)} rows, {len(labels)} labels"
        )
    return float(np.mean(np.argmax(probabilities, -1) == labels))


def confusion(probabilities, labels):
    """Counts how often each class was taken for each other one.

    Args:
        probabilities: Array of shape `(N, num_classes)`.
        labels: Class numbers, shape `(N,)`.

    Returns:
        An integer array `(num_classes, num_classes)`: row = truth, column = answer.
    """
    classes = np.arange(probabilities.shape[-1])
    return confusion_matrix(labels, probabilities.argmax(-1), labels=classes)


def worst_mistakes(probabilities, labels, num_images):
    """Finds the wrong answers that were given with the greatest confidence.

    Args:
        probabilities: Array of shape `(N, num_classes)`.
        labels: Class numbers, shape `(N,)`.
        num_images: How many to return at most.

    Returns:
        Indices of the images, the most confident mistake first.
    """
    answers = probabilities.argmax(-1)
    wrong = np.flatnonzero(answers != labels)
    return wrong[np.argsort(-probabilities[wrong, answers[wrong]])][:num_images]


class Latency(NamedTuple):
    """Seconds that one batch takes: the median of all runs and their quartiles."""

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
        A `Latency` in seconds.
    """
    images = np.zeros((batch_size, *model.input_shape[1:]), "float32")
    seconds = []
    for _ in range(num_warmups + num_runs):
        started = time.perf_counter()
        model.predict_on_batch(images)
        seconds.append(time.perf_counter() - started)
    lower, median, upper = np.percentile(seconds[num_warmups:], (25, 50, 75))
    return Latency(float(median), float(lower), float(upper))


def count_parameters(model):
    """Counts a model's numbers: `(trainable, not trainable)`."""
    return tuple(
        sum(int(np.prod(weight.shape)) for weight in weights)
        for weights in (model.trainable_weights, model.non_trainable_weights)
    )


CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
SEPARABLE = (layers.SeparableConv1D, layers.SeparableConv2D)
TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)


def multiply_accumulates(model, input_shape=None):
    """Counts the multiplications, each with its addition, for one image.

    Counted are the products with a kernel: convolutions of every kind and dense
    layers, nested models and repeated use of a layer included. Normalisation,
    activations, pooling, biases and the products between features in attention are
    left out.

    Args:
        model: `keras.Model` with one input.
        input_shape: Shape of one image where the model leaves sizes open.

    Returns:
        The number of multiply-accumulates, an integer.

    Raises:
        ValueError: If the size of an image is unknown, or a layer has a kernel and
            is of a kind that is not known here.
    """
    shape = tuple(input_shape or model.input_shape[1:])
    if None in shape:
        raise ValueError(
            "Pass `input_shape`: the model leaves the size of an image open. "
            f"Received: {shape}"
        )
    counts = []
    watched = [layer for layer in _leaves(model) if getattr(layer, "weights", None)]
    for layer in watched:
        layer.call = _counted(layer, layer.call, counts)
    try:
        model(keras.ops.zeros((1, *shape)), training=False)
    finally:
        for layer in watched:
            del layer.call
    return sum(counts)


def _leaves(model):
    """Lists the layers that hold no other layer, each of them once."""
    return [
        layer
        for layer in model._flatten_layers(include_self=False)
        if not list(layer._flatten_layers(include_self=False))
    ]


def _counted(layer, call, counts):
    def call_and_count(*args, **kwargs):
        _refuse_unknown_kernels(layer)
        outputs = call(*args, **kwargs)
        inputs = args[0] if args else next(iter(kwargs.values()))
        counts.append(_products(layer, inputs.shape, outputs.shape))
        return outputs

    return call_and_count


def _products(layer, inputs, outputs):
    """Returns the products that one call of a layer makes."""
    if isinstance(layer, SEPARABLE):
        pixels = np.prod(outputs[1:-1])
        sizes = layer.depthwise_kernel.shape, layer.pointwise_kernel.shape
        return int(pixels * sum(np.prod(size) for size in sizes))
    if isinstance(layer, (*CONVOLUTIONS, *DEPTHWISE)):
        return int(np.prod(outputs[1:-1]) * np.prod(layer.kernel.shape))
    if isinstance(layer, TRANSPOSED):
        return int(np.prod(inputs[1:-1]) * np.prod(layer.kernel.shape))
    if isinstance(layer, layers.Dense):
        return int(np.prod(inputs[1:-1]) * np.prod(layer.kernel.shape))
    if isinstance(layer, layers.EinsumDense):
        return int(np.prod(outputs[1:]) * _contracted(layer))
    return 0


def _refuse_unknown_kernels(layer):
    known = (*SEPARABLE, *CONVOLUTIONS, *DEPTHWISE, *TRANSPOSED)
    dense = (layers.Dense, layers.EinsumDense)
    matrices = [weight for weight in layer.weights if len(weight.shape) > 1]
    if matrices and not isinstance(layer, (*known, *dense, layers.Embedding)):
        raise ValueError(
            "Multiply-accumulates are counted for convolutions and dense layers. "
            f"Received: layer {layer.name!r} of type {type(layer).__name__}"
        )


def _contracted(layer):
    """Returns how many products an `EinsumDense` adds up in one output value."""
    inputs, rest = layer.equation.split(",")
    kernel, output = rest.split("->")
    sizes = dict(zip(kernel, layer.kernel.shape, strict=True))
    return int(np.prod([sizes[axis] for axis in kernel if axis not in output]))


class ReceptiveField(NamedTuple):
    """What one output value sees of the image, in pixels along one axis."""

    size: float
    stride: float
    start: float  # first pixel seen by the first output value; negative in padding

    @property
    def centre(self):
        """Pixel at the centre of what the first output value sees."""
        return self.start + (self.size - 1) / 2


EVERYTHING = ReceptiveField(float("inf"), float("inf"), float("-inf"))
GLOBAL = (
    layers.Flatten,
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.GlobalAveragePooling3D,
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling2D,
    layers.GlobalMaxPooling3D,
)
WITHOUT_WINDOW = (
    *TRANSPOSED,
    layers.UpSampling2D,
    layers.Resizing,
    layers.Reshape,
    layers.Permute,
    layers.Attention,
    layers.MultiHeadAttention,
)


def receptive_field(model, layer_name=None):
    """Computes what one value of a feature map can see of the image.

    The graph is followed from the input; where branches meet, the field spans all
    of them. Global pooling and flattening see everything: the size is infinite.

    Args:
        model: Functional `keras.Model` with one input whose layers have square
            kernels and strides; nested models are followed.
        layer_name: Name of the layer at whose output to stop, the last by default.

    Returns:
        A `ReceptiveField`.

    Raises:
        ValueError: If no layer bears the name, if a kernel is not square, or if a
            layer enlarges the feature map.
    """
    if layer_name and layer_name not in [layer.name for layer in model.layers]:
        names = ", ".join(layer.name for layer in model.layers)
        raise ValueError(f"The model's layers are {names}. Received: {layer_name!r}")
    return _follow(model, ReceptiveField(1, 1, 0), layer_name)


def _follow(model, field, layer_name=None):
    """Carries a field from a model's input to its output or to a named layer."""
    graph = getattr(model, "_functional", model)  # of a Sequential
    fields = {id(tensor): field for tensor in graph.inputs}
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if node.is_input:
                continue
            seen = [fields[id(tensor)] for tensor in node.input_tensors]
            field = _after(node.operation, _span(seen), node.input_tensors[0].shape)
            fields.update({id(tensor): field for tensor in node.output_tensors})
            if node.operation.name == layer_name:
                return field
    return fields[id(graph.outputs[0])]


def _span(fields):
    """Returns the field that covers all of several branches."""
    start = min(field.start for field in fields)
    end = max(field.start + field.size for field in fields)
    if EVERYTHING in fields:
        return EVERYTHING
    return ReceptiveField(end - start, max(field.stride for field in fields), start)


def _after(operation, field, input_shape):
    """Returns the field behind one layer."""
    if isinstance(operation, keras.Model):
        return _follow(operation, field)
    if isinstance(operation, GLOBAL) or field == EVERYTHING:
        return EVERYTHING
    if isinstance(operation, layers.ZeroPadding2D):
        before = operation.padding[0][0]
        return field._replace(start=field.start - before * field.stride)
    if isinstance(operation, layers.Cropping2D):
        before = operation.cropping[0][0]
        return field._replace(start=field.start + before * field.stride)
    if isinstance(operation, WITHOUT_WINDOW):
        raise ValueError(
            "The receptive field is computed for windows that keep or reduce the size. "
            f"Received: layer {operation.name!r} of type {type(operation).__name__}"
        )
    window, stride, padding = _window(operation)
    before = _padding_before(input_shape[1], window, stride) if padding else 0
    return ReceptiveField(
        size=field.size + (window - 1) * field.stride,
        stride=field.stride * stride,
        start=field.start - before * field.stride,
    )


def _window(operation):
    """Returns a layer's dilated window, its stride and whether it pads."""
    window = getattr(operation, "kernel_size", getattr(operation, "pool_size", None))
    if window is None:
        return 1, 1, False
    if isinstance(window, int):
        return window, operation.strides, operation.padding == "same"
    if len(set(window)) > 1 or len(set(operation.strides)) > 1:
        raise ValueError(
            "Kernels and strides must be square. "
            f"Received: layer {operation.name!r}, {window}, {operation.strides}"
        )
    dilation = getattr(operation, "dilation_rate", (1,))[0]
    padding = operation.padding == "same"
    return (window[0] - 1) * dilation + 1, operation.strides[0], padding


def _padding_before(size, window, stride):
    """Returns the padding that "same" puts before the first pixel."""
    if size is None:
        return (window - 1) // 2
    return max((-(-size // stride) - 1) * stride + window - size, 0) // 2
