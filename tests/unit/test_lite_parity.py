"""Agreement is counted right, and the layer that loses is the one that was damaged."""

import functools

import keras
import lite_networks
import numpy as np
import pytest
from keras import layers

from cnnlab.lite.by_layer import layer_errors
from cnnlab.lite.convert import convert
from cnnlab.lite.parity import DisagreementError, agreement, require_agreement
from cnnlab.lite.structure import operations, read, write

LAYERS = [
    "stem",
    "stem_swish",
    "pool",
    "depthwise_1",
    "body",
    "average",
    "head",
]


@functools.cache
def errors(variant):
    images, reference = lite_networks.images(), lite_networks.converted("float32")
    return layer_errors(reference, lite_networks.converted(variant), images, 16)


def damaged(layer):
    """The int8 network with the kernel of one layer negated."""
    model = read(lite_networks.converted("int8"))
    graph = model.subgraphs[0]
    (node,) = (op.node for op in operations(model) if op.layer == layer)
    kernel = graph.tensors[graph.operators[node].inputs[1]]
    buffer = model.buffers[kernel.buffer]
    buffer.data = (-buffer.data.view(np.int8)).view(np.uint8)
    return write(model)


def test_agreement_counts_decisions_and_measures_scores():
    scores = np.array([[1.0, 2.0], [3.0, 1.0], [0.0, 1.0], [2.0, 0.0]])
    other = scores + [[0, 0], [0, 4], [0, 0], [0, 0]]
    assert agreement(scores, other) == (4, 0.75, 0.5, 4.0)


@pytest.mark.parametrize("shape", [(3, 2), (4, 3), (4,), (4, 2, 1)])
def test_scores_of_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"Received: \(4, 2\) and "):
        agreement(np.zeros((4, 2)), np.zeros(shape))


@pytest.mark.parametrize("broken", [0, 1], ids=["original", "converted"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_not_finite_decide_nothing(broken, value):
    scores = np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([[2.0, 1.0], [1.0, 2.0]])
    scores[broken][0] = value
    assert agreement(*scores).same_decisions == 0.5
    assert agreement(scores[broken], scores[broken]).same_decisions == 0.5


def test_no_scores_are_refused():
    with pytest.raises(ValueError, match="with N at least 1"):
        agreement(np.zeros((0, 2)), np.zeros((0, 2)))


@pytest.mark.parametrize("variant", ["float32", "float16", "int8", "uint8", "16x8"])
def test_layers_come_in_the_order_of_execution_by_their_keras_names(variant):
    assert [error.layer for error in errors(variant)] == LAYERS


def test_swish_is_one_layer_of_two_operations():
    assert errors("int8")[1].operations == "LOGISTIC, MUL"


def test_float32_loses_nothing_and_float16_less_than_int8():
    for exact, half, whole in zip(*map(errors, ("float32", "float16", "int8"))):
        assert exact.own == exact.accumulated == 0
        assert half.own < 0.002 < whole.own < 0.1 or whole.layer == "pool"


def test_errors_do_not_depend_on_the_size_of_batches():
    images = lite_networks.images()
    pair = lite_networks.converted("float32"), lite_networks.converted("int8")
    for one, other in zip(errors("int8"), layer_errors(*pair, images, 40)):
        assert one[2:] == pytest.approx(other[2:], rel=1e-3)


@pytest.mark.parametrize("layer", ["stem", "depthwise_1", "body", "head"])
def test_damaged_layer_is_the_one_that_loses_most(layer):
    reference = lite_networks.converted("float32")
    found = layer_errors(reference, damaged(layer), lite_networks.images())
    own = {error.layer: error.own for error in found}
    accumulated = {error.layer: error.accumulated for error in found}
    assert max(own, key=own.get) == layer
    assert own[layer] > 0.5
    assert max(loss for name, loss in own.items() if name != layer) < 0.1
    assert all(accumulated[name] > 0.1 for name in LAYERS[LAYERS.index(layer) :])


def test_model_that_disagrees_is_refused_with_the_layer_that_did_it():
    with pytest.raises(DisagreementError) as error:
        require_agreement(
            lite_networks.converted("float32"),
            damaged("head"),
            lite_networks.images(),
        )
    text = str(error.value)
    assert "at least 97.0% of its decisions" in text
    assert "Received: " in text
    assert "the layer 'head' (FULLY_CONNECTED) loses most, " in text


def test_model_that_agrees_passes_with_its_agreement():
    found = require_agreement(
        lite_networks.converted("float32"),
        lite_networks.converted("float16"),
        lite_networks.images(),
    )
    assert (found.num_images, found.same_decisions) == (40, 1.0)


def test_loud_channel_that_ruins_the_quiet_ones_is_seen():
    inputs = keras.Input((8, 8, 3))
    convolution = layers.Conv2D(8, 3, name="loud")
    x = layers.GlobalAveragePooling2D()(convolution(inputs))
    model = keras.Model(inputs, x)
    kernel = convolution.kernel.numpy()
    kernel[..., 0] *= 1000
    convolution.kernel.assign(kernel)
    pair = [convert(model, v, lite_networks.images()) for v in ("float32", "int8")]
    assert layer_errors(*pair, lite_networks.images())[0].own > 0.5


def test_layers_of_nested_and_shared_models_are_named():
    inner_inputs = keras.Input((8, 8, 3))
    inner = keras.Model(
        inner_inputs, layers.Conv2D(4, 3, name="conv_2")(inner_inputs), name="backbone"
    )
    shared = layers.Dense(4, name="shared")
    inputs = keras.Input((8, 8, 3))
    x = shared(shared(layers.GlobalAveragePooling2D(name="average")(inner(inputs))))
    x = layers.Dense(4, activation="softmax", name="head")(x)
    model = keras.Model(inputs, x)
    flatbuffer = convert(model, "float16")
    found = layer_errors(convert(model, "float32"), flatbuffer, lite_networks.images())
    names = ["backbone/conv_2", "average", "shared", "head"]
    assert [error.layer for error in found[:4]] == names


def test_operation_computed_in_float_has_its_row():
    model = lite_networks.with_activation("elu")
    reference = convert(model, "float32")
    found = layer_errors(
        reference, lite_networks.converted_elu(), lite_networks.images()
    )
    assert [error.operations for error in found] == [
        "CONV_2D",
        "ELU",
        "MEAN",
        "FULLY_CONNECTED",
    ]


def test_layer_that_answers_nan_loses_all():
    reference = lite_networks.converted("float32")
    model = read(reference)
    (place,) = (op.node for op in operations(model) if op.layer == "head")
    graph = model.subgraphs[0]
    bias = graph.tensors[graph.operators[place].inputs[2]]
    nan = np.full(lite_networks.NUM_CLASSES, np.nan, np.float32)
    model.buffers[bias.buffer].data = nan.view(np.uint8)
    found = layer_errors(reference, write(model), lite_networks.images())
    assert (found[-2].own, found[-1].own) == (0, 1)


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_images_that_no_layer_can_be_measured_with_are_refused(kind):
    variants = lite_networks.converted("float32"), lite_networks.converted("int8")
    images = np.ones((4 if kind == "uint8" else 0, 8, 8, 3), kind)
    with pytest.raises(ValueError, match=r"Received: (uint8|\(0, 8, 8, 3\))"):
        layer_errors(*variants, images)


def test_reference_of_another_model_is_refused():
    with pytest.raises(ValueError, match="must be the same model.* Received: "):
        layer_errors(
            lite_networks.converted_large(),
            lite_networks.converted("int8"),
            lite_networks.images(),
        )
