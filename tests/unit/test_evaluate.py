"""Metrics and costs against closed forms and published numbers."""

import functools

import keras
import numpy as np
import pytest
from keras import layers

from cnnlab.evaluate import classification
from cnnlab.evaluate.cost import count_parameters, multiply_accumulates
from cnnlab.evaluate.latency import latency
from cnnlab.evaluate.receptive_field import EVERYTHING, receptive_field
from cnnlab.models.modern_cnn import modern_cnn, simple_cnn


def test_probabilities_are_the_softmax_of_the_logits():
    model = keras.Sequential([keras.Input((3,)), layers.Activation("linear")])
    logits = np.array([[0, 0, 0], [1000, 0, 0], [0, np.log(2), 0]], "float32")
    expected = [[1 / 3, 1 / 3, 1 / 3], [1, 0, 0], [0.25, 0.5, 0.25]]
    np.testing.assert_allclose(
        classification.predict(model, logits), expected, atol=1e-6
    )


def test_accuracy_counts_the_right_answers():
    probabilities = np.eye(4)[[0, 1, 2, 2]]
    assert classification.accuracy(probabilities, np.array([0, 1, 2, 3])) == 0.75


def test_accuracy_needs_one_label_a_row():
    with pytest.raises(ValueError, match="Received: 3 labels, 4 items"):
        classification.accuracy(np.eye(4), np.arange(3))


def test_model_that_ends_in_a_softmax_is_refused():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Softmax()])
    with pytest.raises(ValueError, match="end in logits.* Received: outputs in"):
        classification.predict(model, np.eye(3))


FORMS = {
    "numbers": lambda numbers: numbers,
    "column": lambda numbers: numbers[:, None],
    "one-hot": lambda numbers: np.eye(10)[numbers],
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_labels_count_alike_in_every_usual_form(form):
    """Numbers, a column of them as Keras' own datasets have it, and one-hot rows."""
    numbers = np.random.default_rng(0).integers(0, 10, 200)
    perfect, labels = np.eye(10)[numbers], form(numbers)
    assert classification.accuracy(perfect, labels) == 1
    assert np.trace(classification.confusion(perfect, labels)) == 200
    wrong = np.roll(perfect, 1, axis=0)
    mistakes = classification.worst_mistakes(wrong, labels, 500)
    assert sorted(mistakes) == np.flatnonzero(numbers != np.roll(numbers, 1)).tolist()


def test_confusion_has_truth_in_rows_and_all_classes():
    counts = classification.confusion(np.eye(4)[[0, 1, 1, 2]], np.array([0, 1, 2, 2]))
    assert counts.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


def test_worst_mistakes_come_with_the_most_confident_first():
    probabilities = np.array([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    worst = classification.worst_mistakes(probabilities, np.array([1, 1, 1, 1]), 2)
    assert worst.tolist() == [1, 3]


def test_latency_quartiles_stand_in_order():
    lower = latency(simple_cnn(), num_runs=5, num_warmups=1)
    assert 0 < lower.lower_quartile <= lower.median <= lower.upper_quartile


def test_parameters_are_counted_trainable_and_not():
    assert count_parameters(modern_cnn()) == (157_866, 640)


def test_products_of_the_simple_network_are_those_of_the_closed_form():
    convolutions = 32 * 32 * 9 * 3 * 16 + 16 * 16 * 9 * 16 * 32
    dense = 8 * 8 * 32 * 128 + 128 * 10
    assert multiply_accumulates(simple_cnn()) == convolutions + dense


@pytest.mark.parametrize(
    ("layer", "products"),
    [
        (layers.Conv2D(6, 3, groups=2), 6 * 6 * 9 * 2 * 6),
        (layers.Conv2D(6, 3, strides=2, padding="same"), 4 * 4 * 9 * 4 * 6),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), 6 * 6 * 9 * 4 * 2),
        (layers.SeparableConv2D(5, 3), 6 * 6 * (9 * 4 + 4 * 5)),
        (layers.Conv2DTranspose(5, 3, strides=2), 8 * 8 * 9 * 4 * 5),
        (layers.EinsumDense("bhwc,cd->bhwd", (8, 8, 5)), 8 * 8 * 4 * 5),
        (layers.Dense(5), 8 * 8 * 4 * 5),
        (layers.BatchNormalization(), 0),
    ],
)
def test_products_of_one_layer_are_those_of_the_closed_form(layer, products):
    model = keras.Sequential([keras.Input((8, 8, 4)), layer])
    assert multiply_accumulates(model) == products


def test_products_of_nested_and_shared_layers_count_each_use():
    shared = layers.Conv2D(4, 3, padding="same", use_bias=False)
    inner = keras.Sequential([keras.Input((8, 8, 4)), shared])
    inputs = keras.Input((8, 8, 4))
    model = keras.Model(inputs, shared(inner(inner(inputs))))
    assert multiply_accumulates(model) == 3 * 8 * 8 * 9 * 4 * 4


@functools.cache
def published(name, include_top=True):
    return getattr(keras.applications, name)(weights=None, include_top=include_top)


@pytest.mark.parametrize(
    ("name", "products"), [("MobileNet", 568_740_352), ("ResNet50", 3_857_973_248)]
)
def test_products_agree_with_published_networks(name, products):
    # Published: 569 million (Howard et al. 2017) and 3.8 billion (He et al. 2016).
    assert multiply_accumulates(published(name)) == products


def test_products_of_an_unknown_layer_are_refused():
    model = keras.Sequential([keras.Input((5, 3)), layers.LSTM(2, name="memory")])
    with pytest.raises(ValueError, match="Received: layer .* of type LSTM"):
        multiply_accumulates(model)


def test_model_works_as_before_once_its_products_are_counted():
    model = modern_cnn()
    images = np.random.default_rng(0).random((2, 32, 32, 3), "float32")
    before, attributes = model(images), set(vars(model.layers[1]))
    products = multiply_accumulates(model)
    np.testing.assert_array_equal(model(images), before)
    assert set(vars(model.layers[1])) == attributes
    assert multiply_accumulates(model) == products


def test_open_image_size_must_be_given():
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(2, 3)])
    with pytest.raises(ValueError, match="Pass `input_shape`"):
        multiply_accumulates(model)
    assert multiply_accumulates(model, (5, 5, 3)) == 9 * 9 * 3 * 2


@pytest.mark.parametrize(
    ("model", "last", "size"),
    [
        (("VGG16", False), "block5_pool", 212),
        (("ResNet50",), "conv5_block3_out", 483),
    ],
)
def test_receptive_fields_agree_with_published_ones(model, last, size):
    # Published: Araujo et al. 2019, table 1 (VGG-16 and ResNet-v1-50).
    field = receptive_field(published(*model), last)
    assert (field.size, field.stride) == (size, 32)


def test_receptive_field_is_where_the_gradient_is():
    model = keras.Sequential(
        [
            keras.Input((33, 33, 1)),
            layers.Conv2D(1, 3, strides=2, padding="same", kernel_initializer="ones"),
            layers.Conv2D(1, 3, dilation_rate=2, kernel_initializer="ones"),
            layers.AveragePooling2D(2),
        ]
    )
    field = receptive_field(model)
    image = np.zeros((33 * 33, 33, 33, 1), "float32")
    image.reshape(33 * 33, -1)[np.diag_indices(33 * 33)] = 1
    response = np.array(model(image))[:, 1, 1, 0].reshape(33, 33)
    rows = np.flatnonzero(response.any(1))
    first = field.start + field.stride
    assert (rows[0], rows[-1]) == (first, first + field.size - 1)


def test_cropping_and_zero_padding_move_the_field():
    crop = keras.Sequential([keras.Input((9, 9, 1)), layers.Cropping2D(2)])
    pad = keras.Sequential([keras.Input((9, 9, 1)), layers.ZeroPadding2D(2)])
    assert receptive_field(crop).start == 2
    assert receptive_field(pad).start == -2


def test_global_pooling_sees_everything():
    assert receptive_field(modern_cnn()) == EVERYTHING


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.Conv2D(1, (3, 1)), "Kernels and strides must be square"),
        (layers.Resizing(16, 16), "windows that keep or reduce the size"),
        (layers.UpSampling2D(), "windows that keep or reduce the size"),
    ],
)
def test_receptive_field_refuses_what_it_cannot_describe(layer, message):
    model = keras.Sequential([keras.Input((8, 8, 1)), layer])
    with pytest.raises(ValueError, match=message):
        receptive_field(model)


def test_unknown_layer_name_lists_the_layers():
    with pytest.raises(ValueError, match="dense.*Received: 'conv9'"):
        receptive_field(simple_cnn(), "conv9")
