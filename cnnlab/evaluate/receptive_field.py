"""The receptive field of any layer of a Keras model.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Source: Araujo et al. 2019, https://distill.pub/2019/computing-receptive-fields
"""

from typing import NamedTuple

import keras
from keras import layers

from cnnlab.evaluate.cost import TRANSPOSED


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
