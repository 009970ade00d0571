"""A functional model taken apart and put together again, one layer at a time.

Taught in notebooks/15_tflite_quantization.ipynb.
Folding, quantising and equalising all rewrite a network along its graph. This file
walks it; what becomes of a layer is their business.
"""

import warnings

import keras
from keras import tree


def rewrite(model, replace, enter=lambda x, name: x):
    """Builds a new model by calling `replace` on every layer in order.

    Args:
        model: Functional or built sequential `keras.Model`.
        replace: Function `(layer, x, followers) -> x`: called with a layer of the
            model, its new input (a tensor or a list of them) and the list of those
            that take its output; returns the new output.
        enter: Function `(x, name) -> x`, called with every new input.

    Returns:
        A `keras.Model` with inputs of the same shapes and names.

    Raises:
        ValueError: If the model is not a graph of layers, each called once.
    """
    model = fresh_copy(model)
    inputs = [keras.Input(batch_shape=x.shape, name=x.name) for x in model.inputs]
    new = {id(old): enter(x, x.name) for old, x in zip(model.inputs, inputs)}
    layers, followers = layers_and_followers(model)
    for layer in layers:
        x = tree.map_structure(lambda old: new[id(old)], layer.input)
        new[id(layer.output)] = replace(layer, x, followers[layer.name])
    return keras.Model(_one(inputs), _one([new[id(old)] for old in model.outputs]))


def fresh_copy(model):
    """Returns a functional model like `model`, weights included, of new layers.

    Args:
        model: As for `rewrite`.

    Raises:
        ValueError: As `rewrite`.
    """
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise ValueError(
            "The model must be functional, or sequential and built. "
            f"Received: {type(model).__name__}"
        )
    called = set()

    def call(layer, *args, **kwargs):
        _check(layer, called)
        called.add(layer.name)
        return layer(*args, **kwargs)

    functional = keras.Model(_one(model.inputs), _one(model.outputs))
    copied = keras.models.clone_model(
        functional, clone_function=copy, call_function=call
    )
    copied.set_weights(functional.get_weights())
    return copied


def layers_and_followers(model):
    """Returns the layers of a fresh copy in order, and who takes whose output.

    Args:
        model: What `fresh_copy` returned.

    Returns:
        A list of layers, and a dict from a layer's name to a list of layers; it ends
        with the model itself where the output is one of the model's.
    """
    layers = [x for x in model.layers if not isinstance(x, keras.layers.InputLayer)]
    producers = {id(layer.output): layer.name for layer in layers}
    followers = {layer.name: [] for layer in layers}
    for layer in layers:
        for x in tree.flatten(layer.input):
            if id(x) in producers:
                followers[producers[id(x)]].append(layer)
    for x in model.outputs:
        if id(x) in producers:
            followers[producers[id(x)]].append(model)
    return layers, followers


def copy(layer, **changes):
    """Returns a new layer like `layer`, without its weights.

    Args:
        layer: A `keras.layers.Layer`.
        changes: Entries of its configuration that shall differ.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a lambda is copied as it is
        config = layer.get_config()
    has_function = "activation" in config and "activation" not in changes
    if has_function:  # by reference: some functions have no name to be found by
        changes["activation"] = "linear"
    new = type(layer).from_config({**config, **changes})
    if has_function and not isinstance(getattr(type(new), "activation", 0), property):
        new.activation = layer.activation
    return new


def copy_with_weights(layer, x, **changes):
    """Returns a new layer like `layer`, built for the tensor `x`, with its weights."""
    new = copy(layer, **changes)
    new.build(tree.map_structure(lambda one: one.shape, x))
    new.set_weights(layer.get_weights())
    return new


def _one(tensors):
    return tensors[0] if len(tensors) == 1 else tensors


def _check(layer, called):
    if not isinstance(layer, keras.layers.Layer):
        raise ValueError(
            "Every operation of the model must be a layer: write `layers.Add()([x, y])`"
            f" for `x + y`. Received: {type(layer).__name__} {layer.name!r}"
        )
    if isinstance(layer, keras.Model):
        raise ValueError(
            "The model must not contain another one: call the inner model's layers "
            f"on the outer one's tensors. Received: {layer.name!r}"
        )
    if getattr(layer, "data_format", None) == "channels_first":
        raise ValueError(
            "Every layer must have channels last: build the model with "
            'data_format="channels_last". '
            f"Received: channels first in layer {layer.name!r}"
        )
    if layer.name in called:
        raise ValueError(
            "Every layer must be called once: one that is shared has no one range. "
            f"Received: {layer.name!r}"
        )
