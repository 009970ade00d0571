"""Six variants answer as the Keras model does, and what does not fit is refused."""

import keras
import lite_networks
import numpy as np
import pytest
import tensorflow as tf

from cnnlab.lite.convert import INTEGERS, VARIANTS, convert
from cnnlab.lite.interpreter import open_interpreter, predict

TOLERANCES = dict(zip(VARIANTS, (1e-6, 2e-2, 1e-3, 4e-2, 4e-2, 1e-2)))
TYPES = {"int8": np.int8, "uint8": np.uint8, "16x8": np.int16}
BLANK = np.linspace(0, 1, 8 * 8 * 3).reshape(8, 8, 3)


@pytest.mark.parametrize("variant", VARIANTS)
def test_variant_answers_as_keras_does(variant):
    images = lite_networks.images()
    logits = np.array(lite_networks.network()(images))
    scores = predict(lite_networks.converted(variant), images)
    np.testing.assert_allclose(scores, logits, atol=TOLERANCES[variant])


@pytest.mark.parametrize("variant", VARIANTS)
def test_input_and_output_have_the_variant_s_type_and_any_batch(variant):
    interpreter = open_interpreter(lite_networks.converted(variant))
    for details in (
        *interpreter.get_input_details(),
        *interpreter.get_output_details(),
    ):
        assert details["dtype"] == TYPES.get(variant, np.float32)
        assert details["shape_signature"][0] == -1


@pytest.mark.parametrize("variant", VARIANTS)
def test_kernels_have_the_variant_s_type(variant):
    interpreter = open_interpreter(lite_networks.converted(variant))
    shape = [80, 3, 3, 16]  # more than 1,024 weights: dynamic range leaves smaller ones
    kernels = [
        details["dtype"]
        for details in interpreter.get_tensor_details()
        if details["shape"].tolist() == shape
    ]
    expected = {"float32": np.float32, "float16": np.float16}
    assert kernels[0] == expected.get(variant, np.int8)


def test_neither_conversion_nor_interpreter_writes_a_line(capfd):
    flatbuffer = convert(lite_networks.network(), "int8", lite_networks.images())
    predict(flatbuffer, lite_networks.images())
    assert capfd.readouterr() == ("", "")


def test_model_trained_with_fake_quantisation_brings_its_own_ranges():
    class Rounded(keras.layers.Layer):
        def call(self, x):
            return tf.quantization.fake_quant_with_min_max_args(x, -2, 2)

    inputs = keras.Input((8, 8, 3))
    x = Rounded()(keras.layers.Conv2D(4, 3)(Rounded()(inputs)))
    x = Rounded()(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, x)
    (details,) = open_interpreter(convert(model, "int8")).get_input_details()
    assert details["dtype"] == np.int8
    assert details["quantization"][0] == pytest.approx(4 / 255)
    assert "convert it as int8 or uint8. Received: '16x8'" in refusal(model, "16x8")


def refusal(model=None, variant="int8", images=None, **options):
    with pytest.raises(ValueError, match="Received: ") as error:
        convert(model or lite_networks.network(), variant, images, **options)
    return str(error.value)


def test_unknown_variant_is_refused():
    assert "one of float32, dynamic range, " in refusal(variant="int4")


def test_model_with_two_inputs_is_refused():
    inputs = [keras.Input((2,)), keras.Input((2,))]
    model = keras.Model(inputs, keras.layers.Add()(inputs))
    assert "Received: 2 inputs, 1 outputs" in refusal(model)


@pytest.mark.parametrize("variant", INTEGERS)
def test_integer_variant_needs_representative_images(variant):
    assert f"{variant!r} needs `representative_images`" in refusal(variant=variant)


@pytest.mark.parametrize(
    ("images", "text"),
    [
        (BLANK, "shape (N, 8, 8, 3). Received: (8, 8, 3)"),
        ((image for image in [BLANK] * 32), "(N, 8, 8, 3). Received: ()"),
        (255 * lite_networks.images(), "between 0 and 1, `image_range`, and"),
    ],
)
def test_unfit_representative_images_are_refused(images, text):
    assert text in refusal(images=images, image_range=(0, 1))


def test_representative_images_of_the_stated_scale_are_taken():
    images, model = lite_networks.images(), lite_networks.network()
    expected = lite_networks.converted("int8")
    assert convert(model, "int8", images, image_range=(0, 1)) == expected


def test_representative_images_are_floats_of_any_length():
    images = lite_networks.images().astype("float16")
    short, usual, long = (
        convert(lite_networks.network(), "int8", images.astype(kind))
        for kind in ("float16", "float32", "float64")
    )
    assert short == usual == long


@pytest.mark.parametrize("model", [keras.Sequential([keras.layers.ReLU()]), "model"])
def test_what_is_no_built_model_is_refused(model):
    text = f"sequential and built. Received: {type(model).__name__}"
    assert text in refusal(model)


def test_operation_that_tflite_lacks_is_named_with_its_layer():
    text = refusal(lite_networks.with_activation(tf.math.erfinv), "float32")
    assert text.endswith("Received: Erfinv in layer 'activation'")
    assert "write the layer with other operations" in text


def test_operation_without_an_integer_kernel_is_named_with_its_layer():
    model = lite_networks.with_activation("hard_swish")
    text = refusal(model, "16x8", lite_networks.images())
    assert "choose another variant" in text
    assert text.endswith("Received: HARD_SWISH in layer 'activation'")


@pytest.mark.parametrize("recurrent", [keras.layers.LSTM, keras.layers.GRU])
def test_recurrent_layer_is_refused_by_its_name(recurrent):
    inputs = keras.Input((4, 4, 2))
    x = recurrent(3, name="memory")(keras.layers.Reshape((4, 8))(inputs))
    text = refusal(keras.Model(inputs, x), "float32")
    assert text.endswith("Received: TensorListReserve in layer 'memory'")


def test_another_error_of_the_converter_is_passed_on(monkeypatch):
    def fail(*_):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(
        tf.lite.TFLiteConverter, "from_concrete_functions", Broken(fail)
    )
    with pytest.raises(RuntimeError, match="out of luck"):
        convert(lite_networks.network(), "float32")


class Broken:
    def __init__(self, convert):
        self.convert = convert

    def __call__(self, functions, model):
        return self


@pytest.mark.parametrize(("per_channel", "num_scales"), [(True, 80), (False, 1)])
def test_kernel_has_a_scale_for_each_channel_or_one(per_channel, num_scales):
    images = lite_networks.images()
    options = {"per_channel": per_channel}
    flatbuffer = convert(lite_networks.network(), "int8", images, **options)
    (kernel,) = (
        details
        for details in open_interpreter(flatbuffer).get_tensor_details()
        if details["shape"].tolist() == [80, 3, 3, 16]
    )
    assert len(kernel["quantization_parameters"]["scales"]) == num_scales
