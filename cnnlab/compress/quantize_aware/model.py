"""Quantisation-aware training: a network learns to live with eight bits.

Taught in notebooks/15_tflite_quantization.ipynb.
Source: Jacob et al. 2018, section 3, https://arxiv.org/abs/1712.05877;
    Krishnamoorthi 2018, sections 3.2 and 4, https://arxiv.org/abs/1806.08342
Post-training quantisation rounds a finished network and hopes. Here every rounding of
the converted network is part of the Keras model already, so that `fit` can answer it:

    aware = quantize_aware(trained)  # weights carried over
    aware.compile(...)
    aware.fit(...)                   # a few epochs, the rate falling to zero
    convert(aware, "int8")           # cnnlab.lite.convert; no representative images

A rounding is placed wherever TFLite places one: behind each layer, except that ReLU and
ReLU6 are one operation with the layer before them, and twice more inside of swish. What
is converted is what was trained, up to ties in rounding: the bias is not rounded here,
nor is average pooling, which TFLite computes in the scale of its input.

Unlike Jacob et al. we fold with the running statistics from the start and train the
folded kernel: no second convolution, nothing to freeze later. Ranges are running means
of minimum and maximum. In single trials, keeping the factor of the normalisation as a
weight of its own recovered less where it matters, with one scale for a whole kernel,
and training both ends of a range by gradient was no better. Learned steps (Esser et
al. 2020, https://arxiv.org/abs/1902.08153) were not tried.

Verdict (the beginning of MobileNetV2 on 8,000 images of CIFAR-10; test accuracy in %,
mean ± standard deviation of three seeds, data/records/quantize_aware_cifar10.jsonl;
fine-tuned in float for equally long it reaches 62.7 ± 0.7). Where the hardware has one
scale for a whole kernel, int8 takes that to 13.1 ± 3.4; trained for it, to 56.9 ± 2.0:
most of the loss comes back, not all. With a scale for each channel there is little to
bring back: 62.4 ± 0.4 without, 62.8 ± 0.6 with it. So convert and compare before
training again, and compare with training in float. Not here: fewer than eight bits,
16-bit activations, recurrent layers, nested models.
"""

from keras import activations, layers

from cnnlab.compress.quantize_aware.fold import KERNELS, fold_batch_normalization
from cnnlab.compress.quantize_aware.graph import copy, copy_with_weights, rewrite
from cnnlab.compress.quantize_aware.layers import FakeQuantize, QuantizedKernel

SAME_RANGE = (  # these choose or repeat values, or average them, in the scale they have
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.GlobalMaxPooling2D,
    layers.Flatten,
    layers.Reshape,
    layers.ZeroPadding2D,
    layers.Dropout,
    layers.SpatialDropout2D,
)
NEW_RANGE = (
    layers.GlobalAveragePooling2D,
    layers.Add,
    layers.Multiply,
    layers.Concatenate,
)
FUSED = (activations.relu, activations.relu6)
LIMITS = {  # TFLite prescribes these ranges
    activations.sigmoid: (0.0, 255 / 256),
    activations.softmax: (0.0, 255 / 256),
    activations.tanh: (-1.0, 127 / 128),
}
RELU_LAYERS = {  # by largest value, slope below zero and threshold
    (None, 0, 0): activations.relu,
    (6, 0, 0): activations.relu6,
}
ACTIVATION_LAYERS = (layers.Activation, layers.ReLU)
ACTIVATIONS = (activations.linear, *FUSED, activations.silu, *LIMITS)
SYNONYMS = {"swish": activations.silu}


def quantize_aware(model, *, per_channel=True, momentum=0.99):
    """Builds a model that computes with the roundings of its own int8 conversion.

    Batch normalisation is folded, with its running statistics, before training starts.

    Args:
        model: Trained functional or sequential `keras.Model` without nested models,
            each layer called once. Its weights are copied, it stays as it is.
        per_channel: Whether each output channel of a convolution has a scale of its
            own, TFLite's default, or each kernel only one, as simpler processors ask.
            The conversion follows.
        momentum: Weight of the past in the running range of each activation.

    Returns:
        A new `keras.Model` with the inputs and outputs of `model`. Its ranges must be
        measured before it is of use: by `fit`, if only for an epoch.

    Raises:
        ValueError: If a layer or an activation is not supported; it is named.
    """

    def quantize(x, name, limits=None):
        return FakeQuantize(momentum, limits, name=f"{name}_range")(x)

    def activate(x, activation, name):
        if activation is activations.silu:
            gate = layers.Activation("sigmoid", name=f"{name}_sigmoid")(x)
            gate = quantize(gate, f"{name}_sigmoid", LIMITS[activations.sigmoid])
            x = layers.Multiply(name=f"{name}_swish")([x, gate])
        else:
            x = layers.Activation(activation, name=f"{name}_activation")(x)
        return quantize(x, f"{name}_activation", LIMITS.get(activation))

    def replace(layer, x, followers):
        if isinstance(layer, SAME_RANGE):
            return copy(layer)(x)
        activation = _activation(layer)
        if not isinstance(layer, ACTIVATION_LAYERS):
            x = _compute(layer, x, per_channel)
            if not _is_fused(activation, followers):
                x = quantize(x, layer.name)
        if activation is activations.linear:
            return x
        return activate(x, activation, layer.name)

    return rewrite(fold_batch_normalization(model), replace, enter=quantize)


def _compute(layer, x, per_channel):
    if not isinstance(layer, KERNELS):
        return copy(layer)(x)
    changes = {"activation": "linear", "name": f"{layer.name}_kernel"}
    linear = copy_with_weights(layer, x, **changes)
    return QuantizedKernel(linear, per_channel, name=layer.name)(x)


def _is_fused(activation, followers):
    """Whether TFLite computes the layer and the activation behind it as one."""
    if activation is activations.linear and len(followers) == 1:
        follower = followers[0]
        return (
            isinstance(follower, ACTIVATION_LAYERS) and _activation(follower) in FUSED
        )
    return activation in FUSED


def _activation(layer):
    """Returns the activation function of a layer that is supported."""
    if not isinstance(layer, (*KERNELS, *NEW_RANGE, *ACTIVATION_LAYERS)):
        supported = (*KERNELS, *ACTIVATION_LAYERS, *NEW_RANGE, *SAME_RANGE)
        raise ValueError(
            "A layer must be one whose int8 form is known, besides normalisation and "
            "rescaling of feature maps: "
            f"{', '.join(kind.__name__ for kind in supported)}. Write the layer with "
            "these, or compute it before or after the model. "
            f"Received: {type(layer).__name__} {layer.name!r}"
        )
    function = layer
    if not isinstance(layer, layers.ReLU):
        function = getattr(layer, "activation", activations.linear)
    activation = _known_activation(function)
    if activation is None:
        raise ValueError(
            "An activation must be one whose int8 form is known: "
            f"{', '.join(function.__name__ for function in ACTIVATIONS)}. "
            f"Received: {_describe(function)} in layer {layer.name!r}"
        )
    return activation


def _known_activation(function):
    """Returns Keras' function for an activation of Keras or TensorFlow, or None."""
    if isinstance(function, layers.ReLU):
        shape = function.max_value, function.negative_slope, function.threshold
        return RELU_LAYERS.get(shape)
    by_name = {known.__name__: known for known in ACTIVATIONS} | SYNONYMS
    library = getattr(function, "__module__", "").partition(".")[0]
    if library not in ("keras", "tensorflow"):
        return None
    return by_name.get(getattr(function, "__name__", None))


def _describe(function):
    """Returns what an activation that is not known is called, as users wrote it."""
    if isinstance(function, layers.ReLU):
        return f"`ReLU(max_value={function.max_value}, ...)`"
    if isinstance(function, layers.Layer):
        return f"`{type(function).__name__}` as a layer"
    return f"`{function.__module__}.{function.__qualname__}`"
