"""What a model costs: parameters and multiply-accumulates.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
"""

import keras
import numpy as np
from keras import layers


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
