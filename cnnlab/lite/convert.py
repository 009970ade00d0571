"""A Keras model in, a TFLite flatbuffer out, in one of six variants.

Taught in notebooks/15_tflite_quantization.ipynb.
Source: Jacob et al. 2018, https://arxiv.org/abs/1712.05877; the variants,
    https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/post_training_quantization

The model is traced and its variables are frozen before the converter sees them: on
Keras 3, `from_concrete_functions` alone leaves the variables uninitialised, and the
converted model answers nan without an error; `from_keras_model` is right, takes twice
as long, and prints a page.

Google advises to quantise with a tool of its own, LiteRT Quantizer, and calls
quantisation during conversion deprecated; TensorFlow 2.21 does it without complaint.

An integer variant may still compute an operation in float where TFLite has no integer
kernel for it: `cnnlab.lite.cost` lists these.
"""

import re

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from cnnlab.lite.names import layer_of
from cnnlab.lite.quiet import quiet
from cnnlab.lite.representative import check
from cnnlab.lite.structure import operations, read

INTEGERS = {"int8": tf.int8, "uint8": tf.uint8, "16x8": tf.int16}  # input and output
VARIANTS = ("float32", "dynamic range", "float16", *INTEGERS)
UNSUPPORTED = re.compile(r"'tf\.(\w+)' op is neither a custom op nor a flex op")
LOCATION = re.compile(r'fused\["(\w+):", "([^"@]+)@')
UNQUANTIZED = re.compile(r"not yet supported for op: '(\w+)'")


def convert(
    model, variant, representative_images=None, per_channel=True, image_range=None
):
    """Converts a model; its batches may have any size.

    Args:
        model: `keras.Model` from images `(B, H, W, C)` to logits `(B, num_classes)`.
        variant: One of `VARIANTS`. "dynamic range": kernels int8, activations as wide
            as each batch needs; "float16": kernels float16; "int8", "uint8" and "16x8":
            integers throughout, input and output int8, uint8 or int16, kernels int8.
        representative_images: Array `(N, H, W, C)`, scaled as the model's images are,
            from which the integer variants learn the range of every activation. A
            model with fake quantisation, trained to be quantised, brings its own.
        per_channel: Whether each output channel of an int8 convolution has a scale of
            its own; some processors know only one for the whole kernel. A dense layer
            keeps one for each output.
        image_range: Smallest and largest value that the model's images may have, such
            as `(0, 1)`. The model does not tell it, so that bytes in place of such
            images are noticed here or not at all.

    Returns:
        The flatbuffer, bytes: the content of a `.tflite` file.

    Raises:
        ValueError: If the variant is unknown or not the one that the model was trained
            for, the model is not built or has several inputs, representative images
            are missing or unfit, or TFLite lacks an operation.
    """
    if variant not in VARIANTS:
        raise ValueError(
            f"`variant` must be one of {', '.join(VARIANTS)}. Received: {variant!r}"
        )
    _check_model(model)
    if representative_images is not None:
        representative_images = np.asarray(representative_images)
        check(representative_images, model.input_shape[1:], image_range)
    with quiet():
        function = _frozen(model)
    if variant in INTEGERS:
        _check_ranges(variant, function, representative_images)
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function],
        tf.Module(),  # in place of the model, which would be traced anew
    )
    _configure(converter, variant, representative_images)
    converter._experimental_disable_per_channel = not per_channel
    try:
        with quiet():
            return converter.convert()
    except Exception as error:
        culprits = _culprits(str(error), function, model) or _places(str(error))
        if not culprits:
            raise
        raise ValueError(
            "Every operation must be one that TFLite has in this variant: choose "
            "another variant, write the layer with other operations, or compute it "
            f"outside the model. Received: {', '.join(culprits)}"
        ) from error


def _check_model(model):
    if not (isinstance(model, keras.Model) and getattr(model, "inputs", None)):
        raise ValueError(
            "The model must be functional, or sequential and built. "
            f"Received: {type(model).__name__}"
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            "The model must have one input and one output. "
            f"Received: {len(model.inputs)} inputs, {len(model.outputs)} outputs"
        )


def _check_ranges(variant, function, images):
    trained_for_it = "FakeQuant" in " ".join(op.type for op in _operations(function))
    if variant == "16x8" and trained_for_it:
        raise ValueError(
            "A model trained with fake quantisation is one of eight bits: convert it "
            "as int8 or uint8. Received: '16x8'"
        )
    if images is None and not trained_for_it:
        raise ValueError(
            f"The variant {variant!r} needs `representative_images`, unless the model "
            "has been trained with fake quantisation. Received: None"
        )


def _frozen(model):
    images = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="images")
    traced = tf.function(lambda images: model(images, training=False))
    return convert_variables_to_constants_v2(traced.get_concrete_function(images))


def _operations(function):
    return function.graph.get_operations()


def _configure(converter, variant, images):
    if variant == "float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant in INTEGERS:
        converter.inference_input_type = INTEGERS[variant]
        converter.inference_output_type = INTEGERS[variant]
        if images is not None:
            converter.target_spec.supported_ops = [_operation_set(variant)]
            converter.representative_dataset = lambda: (
                [image[None].astype(np.float32)] for image in images
            )


def _operation_set(variant):
    sets = tf.lite.OpsSet
    if variant == "16x8":
        return sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    return sets.TFLITE_BUILTINS_INT8


def _places(text):
    """Lists operations and layers at which an error of the converter points."""
    pairs = {(kind, layer_of(name)) for kind, name in LOCATION.findall(text)}
    return sorted(f"{kind} in layer {layer!r}" for kind, layer in pairs if layer)


def _culprits(text, function, model):
    """Lists what an error of the converter is about: operations and their layers."""
    kinds = set(UNSUPPORTED.findall(text))
    found = [(op.type, layer_of(op.name)) for op in _operations(function)]
    if not kinds:  # TFLite has it in float
        kinds = set(UNQUANTIZED.findall(text))
        converted = read(convert(model, "float32")) if kinds else None
        found = [(op.kind, op.layer) for op in operations(converted)] if kinds else []
    return sorted(
        {f"{kind} in layer {layer!r}" for kind, layer in found if kind in kinds}
    )
