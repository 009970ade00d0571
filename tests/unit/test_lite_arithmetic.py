"""Arithmetic by hand equals the interpreter's to the last bit."""

import functools

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import OpResolverType
from keras import layers

from cnnlab.lite import arithmetic
from cnnlab.lite.convert import convert
from cnnlab.lite.interpreter import open_interpreter, to_tensor
from cnnlab.lite.structure import operations, read

NUM_IMAGES = 300
LAYERS = {
    "dense": ((40,), lambda: layers.Dense(30)),
    "convolution": ((9, 9, 8), lambda: layers.Conv2D(24, 3)),
    "strided, ReLU": ((9, 9, 8), lambda: layers.Conv2D(24, 3, 2, activation="relu")),
}


@functools.cache
def converted(name):
    """A layer with random weights, the numbers that it has seen, and its flatbuffer."""
    shape, make = LAYERS[name]
    generator = np.random.default_rng(len(name))
    keras.utils.set_random_seed(len(name))
    inputs, layer = keras.Input(shape), make()
    model = keras.Model(inputs, layer(inputs))
    layer.bias.assign(generator.normal(0, 0.3, layer.bias.shape))
    values = generator.normal(0, 1, (NUM_IMAGES, *shape)).astype(np.float32)
    return layer, values, convert(model, "int8", values[:200])


def by_interpreter(name, **options):
    """Integers in and out of the layer, its tensors, and their scales."""
    layer, values, flatbuffer = converted(name)
    interpreter = open_interpreter(flatbuffer, **options)
    (entrance,), (end,) = (
        interpreter.get_input_details(),
        interpreter.get_output_details(),
    )
    interpreter.resize_tensor_input(entrance["index"], values.shape)
    interpreter.allocate_tensors()
    integers = to_tensor(values, entrance)
    interpreter.set_tensor(entrance["index"], integers)
    interpreter.invoke()
    model = read(flatbuffer)
    (operation,) = operations(model)
    _, kernel, bias = model.subgraphs[0].operators[operation.node].inputs
    details = {d["index"]: d for d in interpreter.get_tensor_details()}
    scales = [
        entrance["quantization"][0],
        details[kernel]["quantization_parameters"]["scales"],
        end["quantization"][0],
    ]
    return {
        "integers": integers,
        "results": interpreter.get_tensor(end["index"]),
        "kernel": np.moveaxis(interpreter.get_tensor(kernel), 0, -1),
        "bias": interpreter.get_tensor(bias),
        "scales": scales,
        "zero_points": (entrance["quantization"][1], end["quantization"][1]),
        "layer": layer,
    }


def by_hand(found, rounding):
    layer = found["layer"]
    tensors = found["integers"], found["zero_points"][0], found["kernel"], found["bias"]
    if isinstance(layer, layers.Dense):
        sums = arithmetic.dense_sums(*tensors)
    else:
        sums = arithmetic.conv_sums(*tensors, strides=layer.strides[0])
    output_zero = found["zero_points"][1]
    return arithmetic.requantize(sums, found["scales"], output_zero, rounding)


@pytest.mark.parametrize("name", LAYERS)
def test_layer_equals_xnnpack_to_the_last_bit(name):
    found = by_interpreter(name)
    np.testing.assert_array_equal(by_hand(found, "float32"), found["results"])
    assert len(np.unique(found["results"])) > 100


@pytest.mark.parametrize("name", LAYERS)
def test_layer_with_integers_alone_equals_the_reference_kernel(name):
    found = by_interpreter(
        name, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    rounding = "once" if name == "dense" else "twice"
    np.testing.assert_array_equal(by_hand(found, rounding), found["results"])


@pytest.mark.parametrize("rounding", ["once", "twice"])
def test_other_rounding_differs_by_one_and_rarely(rounding):
    found = by_interpreter("convolution")
    difference = by_hand(found, rounding).astype(int) - found["results"]
    assert np.abs(difference).max() <= 1
    assert np.mean(difference != 0) < 2e-3


@pytest.mark.parametrize("name", LAYERS)
def test_kernel_is_quantised_as_the_converter_does(name):
    found = by_interpreter(name)
    kernel = found["layer"].kernel.numpy()
    scales = arithmetic.kernel_scales(kernel)
    np.testing.assert_array_equal(scales, found["scales"][1])
    quantized = arithmetic.quantize(kernel, scales, 0)
    np.testing.assert_array_equal(quantized, found["kernel"])


def test_input_s_grid_is_the_converter_s():
    _, values, _ = converted("dense")
    scale, zero_point = arithmetic.scale_and_zero_point(
        values[:200].min(), values[:200].max()
    )
    found = by_interpreter("dense")
    assert found["scales"][0] == pytest.approx(scale, rel=1e-6)
    assert found["zero_points"][0] == zero_point


@pytest.mark.parametrize(
    ("low", "high", "dtype", "scale", "zero_point"),
    [
        (0, 255, np.uint8, 1, 0),
        (-128, 127, np.int8, 1, 0),
        (-51, 204, np.int8, 1, -77),
        (51, 102, np.uint8, 0.4, 0),  # widened to hold 0
        (-102, -51, np.uint8, 0.4, 255),
    ],
)
def test_grid_covers_the_range_and_zero(low, high, dtype, scale, zero_point):
    found = arithmetic.scale_and_zero_point(low, high, dtype)
    assert found == (pytest.approx(scale), zero_point)


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (0, np.inf), (np.nan, 1)])
def test_range_out_of_order_is_refused(low, high):
    with pytest.raises(ValueError, match=f"Received: low={low}, high={high}"):
        arithmetic.scale_and_zero_point(low, high)


def test_quantising_rounds_halves_to_even_and_saturates():
    values = [0.5, 1.5, -0.5, -1.5, 300, -300]
    quantized = arithmetic.quantize(values, 1, 0)
    assert quantized.dtype == np.int8
    assert quantized.tolist() == [0, 2, 0, -2, 127, -128]
    assert arithmetic.quantize([-1, 0, 1], 0.5, 3, np.uint8).tolist() == [1, 3, 5]


def test_way_there_and_back_loses_at_most_half_a_step():
    values = np.linspace(-1, 3, 1001)
    grid = arithmetic.scale_and_zero_point(-1, 3)
    back = arithmetic.dequantize(arithmetic.quantize(values, *grid), *grid)
    assert back.dtype == np.float32
    assert np.abs(back - values).max() <= 0.5001 * grid[0]


@pytest.mark.parametrize("factor", [1e-6, 0.3, 0.5, 1.0, 7.7, 1 - 2**-40])
def test_fixed_point_holds_a_factor_to_thirty_bits(factor):
    multiplier, shift = arithmetic.fixed_point(factor)
    assert 2**30 <= multiplier < 2**31
    assert float(multiplier) * 2.0 ** (shift - 31) == pytest.approx(factor, rel=2**-30)


def test_sums_above_a_factor_of_one_are_brought_back_by_all_roundings():
    sums, scales = np.array([[-20, 1, 3]]), (1.0, np.array([2.5, 2.5, 2.5]), 1.0)
    for rounding in ("float32", "once", "twice"):
        results = arithmetic.requantize(sums, scales, 10, rounding)
        assert results.tolist()[0][0] == -40
        assert np.abs(results - [[-40, 12.5, 17.5]]).max() == 0.5


def test_unknown_rounding_is_refused():
    with pytest.raises(ValueError, match="Received: 'up'"):
        arithmetic.requantize(np.zeros((1, 1), int), (1, np.ones(1), 1), 0, "up")
