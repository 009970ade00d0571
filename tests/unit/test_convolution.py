"""The NumPy convolution agrees with its definition, with Keras and with calculus."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from cnnlab.convolution import activations
from cnnlab.convolution.activations import (
    prelu,
    prelu_alpha_gradient,
    prelu_gradient,
    relu6_gradient,
    relu_gradient,
)
from cnnlab.convolution.convolve import conv2d, conv2d_gradients, conv2d_loops
from cnnlab.convolution.cost import conv2d_cost, dense_cost
from cnnlab.convolution.geometry import output_size, zero_padding
from cnnlab.convolution.pool import average_pool2d, global_average_pool2d, max_pool2d
from cnnlab.convolution.receptive_field import Window, receptive_field

PADDINGS = ("valid", "same")


def random_case(seed, dilated=False):
    """Draws images, kernels and options of one convolution."""
    rng = np.random.default_rng(seed)
    groups = int(rng.integers(1, 4))
    dilation_rate = int(rng.integers(2, 4)) if dilated else 1
    kernel_size = rng.integers(1, 6, size=2)
    spans = (kernel_size - 1) * dilation_rate + 1
    height, width = spans + rng.integers(0, 8, size=2)
    in_group, out_group = rng.integers(1, 4, size=2)
    images = rng.standard_normal((rng.integers(1, 4), height, width, groups * in_group))
    kernels = rng.standard_normal((*kernel_size, in_group, groups * out_group))
    options = {
        "strides": 1 if dilated else int(rng.integers(1, 7)),
        "padding": PADDINGS[rng.integers(2)],
        "dilation_rate": dilation_rate,
        "groups": groups,
    }
    return (
        images.astype("float32"),
        kernels.astype("float32") / kernels[0].size,
        options,
    )


def keras_conv2d(images, kernels, options):
    """Convolves with Keras, group by group (TensorFlow has no groups on a CPU)."""
    options = dict(options)
    groups = options.pop("groups")
    pieces = zip(
        np.split(images, groups, -1), np.split(kernels, groups, -1), strict=True
    )
    outputs = [np.asarray(ops.conv(part, kernel, **options)) for part, kernel in pieces]
    return np.concatenate(outputs, axis=-1)


def numerical_gradient(function, x, step=1e-5):
    """Differentiates a function of an array, one element at a time."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (function(up) - function(down)) / (2 * step)
    return gradient


# Convolution


def test_one_window_is_a_sum_of_products_and_the_kernel_is_not_flipped():
    image = np.arange(9.0).reshape(1, 3, 3, 1)
    kernel = np.zeros((3, 3, 1, 1))
    kernel[0, 2] = 10.0
    kernel[2, 1] = 1.0
    assert conv2d(image, kernel).item() == 10 * 2 + 7


@pytest.mark.parametrize("seed", range(60))
def test_fast_form_agrees_with_keras(seed):
    images, kernels, options = random_case(seed)
    expected = keras_conv2d(images, kernels, options)
    np.testing.assert_allclose(conv2d(images, kernels, **options), expected, atol=1e-5)


@pytest.mark.parametrize("seed", range(20))
def test_dilated_fast_form_agrees_with_keras(seed):
    images, kernels, options = random_case(seed, dilated=True)
    expected = keras_conv2d(images, kernels, options)
    np.testing.assert_allclose(conv2d(images, kernels, **options), expected, atol=1e-5)


def test_the_random_cases_cover_what_they_claim():
    cases = [random_case(seed) for seed in range(60)]
    sizes = [kernels.shape[0] for _, kernels, _ in cases]
    strides = [options["strides"] for *_, options in cases]
    assert {size % 2 for size in sizes} == {0, 1}
    assert {options["padding"] for *_, options in cases} == set(PADDINGS)
    assert {options["groups"] for *_, options in cases} == {1, 2, 3}
    assert any(stride > size for stride, size in zip(strides, sizes, strict=True))


@pytest.mark.parametrize("seed", range(12))
def test_loops_and_fast_form_agree_with_stride_and_dilation_together(seed):
    images, kernels, options = random_case(seed, dilated=True)
    options |= {"strides": (1 + seed % 3, 2), "dilation_rate": (2, 1 + seed % 2)}
    expected = conv2d_loops(images, kernels, **options)
    np.testing.assert_allclose(conv2d(images, kernels, **options), expected, atol=1e-5)


def test_whole_numbers_are_convolved_as_floats_without_overflow():
    image = np.full((1, 2, 2, 1), 255, np.uint8)
    assert conv2d(image, np.ones((2, 2, 1, 1), np.uint8)).item() == 1020.0


def test_float32_stays_float32():
    images, kernels, options = random_case(3)
    assert conv2d(images, kernels, **options).dtype == np.float32
    assert conv2d_loops(images, kernels, **options).dtype == np.float32
    assert max_pool2d(images, 1).dtype == average_pool2d(images, 1).dtype == np.float32


# Gradients


@pytest.mark.parametrize(
    ("padding", "strides", "dilation_rate", "groups"),
    [*itertools.product(PADDINGS, (1, 2), (1, 2), (1, 2)), ("same", 4, 1, 1)],
)
def test_gradients_agree_with_numerical_differences(
    padding, strides, dilation_rate, groups
):
    rng = np.random.default_rng(strides + 10 * dilation_rate)
    images = rng.standard_normal((2, 6, 5, 2))
    kernels = rng.standard_normal((3, 2, 2 // groups, 4))
    options = {
        "strides": strides,
        "padding": padding,
        "dilation_rate": dilation_rate,
        "groups": groups,
    }
    arriving = rng.standard_normal(conv2d(images, kernels, **options).shape)

    def loss(images, kernels):
        return np.sum(arriving * conv2d(images, kernels, **options))

    to_images, to_kernels = conv2d_gradients(images, kernels, arriving, **options)
    expected = numerical_gradient(lambda x: loss(x, kernels), images)
    np.testing.assert_allclose(to_images, expected, atol=1e-7)
    expected = numerical_gradient(lambda x: loss(images, x), kernels)
    np.testing.assert_allclose(to_kernels, expected, atol=1e-7)


@pytest.mark.parametrize("seed", range(10))
def test_gradients_agree_with_automatic_differentiation(seed):
    import tensorflow as tf

    images, kernels, options = random_case(seed)
    options["groups"] = 1
    kernels = np.resize(kernels, (*kernels.shape[:2], images.shape[-1], 5))
    variables = [tf.constant(images), tf.constant(kernels)]
    with tf.GradientTape() as tape:
        tape.watch(variables)
        outputs = tf.nn.conv2d(
            *variables, options["strides"], options["padding"].upper()
        )
        loss = tf.reduce_sum(tf.square(outputs))
    arriving = 2 * conv2d(images, kernels, **options)
    received = conv2d_gradients(images, kernels, arriving, **options)
    for gradient, expected in zip(
        received, tape.gradient(loss, variables), strict=True
    ):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(gradient / scale, expected / scale, atol=1e-5)


# Pooling


@pytest.mark.parametrize("seed", range(20))
def test_pooling_agrees_with_keras(seed):
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((2, *rng.integers(4, 12, size=2), 3)).astype("float32")
    size, strides = (int(n) for n in rng.integers(1, 5, size=2))
    for padding in PADDINGS:
        options = {"strides": strides, "padding": padding}
        expected = np.asarray(ops.max_pool(images, size, **options))
        np.testing.assert_array_equal(max_pool2d(images, size, **options), expected)
        expected = np.asarray(ops.average_pool(images, size, **options))
        received = average_pool2d(images, size, **options)
        np.testing.assert_allclose(received, expected, atol=1e-6)


def test_pooling_moves_by_its_own_size_unless_told_otherwise():
    image = np.arange(16.0).reshape(1, 4, 4, 1)
    assert max_pool2d(image).ravel().tolist() == [5, 7, 13, 15]
    assert average_pool2d(image).ravel().tolist() == [2.5, 4.5, 10.5, 12.5]


def test_the_margin_is_neither_counted_in_an_average_nor_wins_a_maximum():
    image = np.full((1, 3, 3, 1), -7.0)
    assert np.all(average_pool2d(image, 2, padding="same") == -7.0)
    assert np.all(max_pool2d(image, 2, padding="same") == -7.0)


def test_global_average_is_the_mean_of_each_channel():
    images = np.random.default_rng(0).random((2, 5, 7, 3))
    expected = keras.layers.GlobalAveragePooling2D()(images)
    np.testing.assert_allclose(global_average_pool2d(images), expected, rtol=1e-6)


# Sizes, receptive field, cost


@pytest.mark.parametrize("seed", range(20))
def test_output_size_is_the_size_that_keras_computes(seed):
    rng = np.random.default_rng(seed)
    size, kernel, stride = (int(rng.integers(low, 9)) for low in (8, 1, 1))
    for padding in PADDINGS:
        shape = (None, size, size, 1)
        expected = keras.layers.Conv2D(1, kernel, stride, padding).compute_output_shape(
            shape
        )[1]
        assert output_size(size, kernel, stride, padding) == expected


def test_an_odd_number_of_zeros_puts_the_extra_one_after():
    assert zero_padding(5, 4, 1, "same") == (1, 2)
    assert zero_padding(5, 3, 1, "same") == (1, 1)
    assert zero_padding(5, 3, 1, "same", dilation_rate=2) == (2, 2)
    assert zero_padding(5, 1, 4, "same") == (0, 0)
    assert zero_padding(5, 4) == (0, 0)


def seen_pixels(stack, image_size, output):
    """Finds the first and last input pixel that an output reacts to."""
    signal = np.zeros((image_size, image_size, 1, 1))  # one image for each pixel
    signal[np.arange(image_size), np.arange(image_size)] = 1.0
    for kernel_size, strides, padding, dilation_rate in stack:
        kernels = np.ones((kernel_size, 1, 1, 1))
        signal = conv2d(
            signal, kernels, (strides, 1), padding, (dilation_rate, 1)
        )  # (pixels, outputs, 1, 1)
    seen = np.flatnonzero(signal[:, output, 0, 0])
    return int(seen[0]), int(seen[-1])


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("seed", range(10))
def test_receptive_field_is_the_range_of_pixels_that_an_output_reacts_to(seed, padding):
    rng = np.random.default_rng(seed)
    stack = [
        Window(int(k), int(s), padding, int(d))
        for k, s, d in rng.integers((2, 1, 1), (5, 3, 3), size=(3, 3))
    ]
    image_size, output = 120, 7
    size, stride, centre = receptive_field(stack, image_size)
    first, last = seen_pixels(stack, image_size, output)
    assert last - first + 1 == size
    assert (first + last) / 2 == centre + output * stride


def test_receptive_field_of_nothing_is_the_pixel_itself():
    assert receptive_field([], 10) == (1, 1, 0.0)


def test_receptive_field_of_vgg16_before_its_dense_layers_is_212_pixels():
    blocks = [[Window(3, padding="same")] * n + [Window(2, 2)] for n in (2, 2, 3, 3, 3)]
    stack = list(itertools.chain(*blocks))
    assert receptive_field(stack, 224)[:2] == (212, 32)


@pytest.mark.parametrize("groups", [1, 4])
def test_cost_counts_the_parameters_of_a_keras_layer(groups):
    layer = keras.layers.Conv2D(16, (3, 5), groups=groups)
    layer.build((None, 32, 32, 8))
    cost = conv2d_cost((32, 32, 8), (3, 5), 16, padding="same", groups=groups)
    assert cost.parameters == layer.count_params()
    assert cost.multiply_accumulates == 32 * 32 * 3 * 5 * 8 * 16 // groups


def test_cost_follows_stride_and_padding():
    assert conv2d_cost((7, 7, 1), 3, 1).multiply_accumulates == 5 * 5 * 9
    assert conv2d_cost((7, 7, 1), 3, 1, strides=2).multiply_accumulates == 3 * 3 * 9
    cost = conv2d_cost((7, 7, 1), 3, 1, dilation_rate=3)
    assert cost.multiply_accumulates == 9


def test_dense_cost_counts_weights_and_biases():
    assert dense_cost(100, 10) == (1010, 1000)


# Activations

ACTIVATIONS = {
    "relu": {},
    "leaky_relu": {"negative_slope": 0.1},
    "elu": {"alpha": 0.7},
    "relu6": {},
    "swish": {},
    "gelu": {},
}
X = np.array([-30.0, -4.0, -1.3, -0.2, 0.1, 0.75, 2.0, 5.9, 6.5, 40.0])


@pytest.mark.parametrize(("name", "options"), ACTIVATIONS.items())
def test_activation_agrees_with_keras(name, options):
    keras_name = {"swish": "silu"}.get(name, name)
    expected = getattr(keras.activations, keras_name)(
        ops.convert_to_tensor(X, "float32"), **options
    )
    received = getattr(activations, name)(X, **options)
    np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "options"), ACTIVATIONS.items())
def test_slope_of_activation_agrees_with_numerical_differences(name, options):
    activation = getattr(activations, name)
    slope = getattr(activations, f"{name}_gradient")(X, **options)
    step = 1e-6
    expected = activation(X + step, **options) - activation(X - step, **options)
    np.testing.assert_allclose(slope, expected / (2 * step), atol=1e-7)


def test_prelu_learns_one_slope_per_channel():
    x = np.array([[-2.0, -2.0, 3.0]])
    alpha = np.array([0.1, 0.5, 0.5])
    layer = keras.layers.PReLU(keras.initializers.Constant(alpha))
    layer.build(x.shape)
    np.testing.assert_allclose(prelu(x, alpha), layer(x), rtol=1e-6)
    assert prelu_gradient(x, alpha).tolist() == [[0.1, 0.5, 1.0]]
    assert prelu_alpha_gradient(x).tolist() == [[-2.0, -2.0, 0.0]]


def test_the_slope_at_a_bend_is_that_of_the_flat_side():
    assert relu_gradient(np.array([0.0])) == 0.0
    assert relu6_gradient(np.array([0.0, 6.0])).tolist() == [0.0, 0.0]


def test_smooth_activations_do_not_overflow():
    x = np.array([-1e4, 1e4])
    for name in ("elu", "swish", "gelu"):
        assert np.isfinite(getattr(activations, name)(x)).all()
        slope = getattr(activations, f"{name}_gradient")(x)
        np.testing.assert_allclose(slope, [0.0, 1.0])


# Errors

IMAGES, KERNELS = np.zeros((1, 5, 5, 4)), np.zeros((3, 3, 4, 6))
BOTH_FORMS = pytest.mark.parametrize("form", [conv2d, conv2d_loops])


def error_of(function, *arguments, **options):
    """Returns the text of the ValueError that a call raises."""
    with pytest.raises(ValueError, match="Received: ") as error:
        function(*arguments, **options)
    return str(error.value)


@BOTH_FORMS
def test_images_must_have_four_axes(form):
    assert error_of(form, IMAGES[0], KERNELS) == (
        "`images` must have four axes (B, H, W, C). Received: images.shape=(5, 5, 4)"
    )


@BOTH_FORMS
def test_kernels_must_have_four_axes(form):
    assert error_of(form, IMAGES, KERNELS[0]) == (
        "`kernels` must have four axes (kh, kw, C // groups, filters). "
        "Received: kernels.shape=(3, 4, 6)"
    )


@BOTH_FORMS
def test_kernels_must_have_the_channels_of_the_images(form):
    assert error_of(form, IMAGES, KERNELS, groups=2) == (
        "`kernels.shape[2]` must be the channels of the images divided by `groups`. "
        "Received: kernels.shape=(3, 3, 4, 6), images.shape=(1, 5, 5, 4), groups=2"
    )


@BOTH_FORMS
def test_groups_must_divide_channels_and_filters(form):
    assert error_of(form, IMAGES, KERNELS, groups=4) == (
        "`groups` must divide the number of channels and of filters. "
        "Received: groups=4, channels=4, filters=6"
    )
    assert error_of(conv2d_cost, (5, 5, 4), 3, 6, groups=3) == (
        "`groups` must divide the number of channels and of filters. "
        "Received: groups=3, channels=4, filters=6"
    )


@BOTH_FORMS
@pytest.mark.parametrize("name", ["strides", "dilation_rate"])
@pytest.mark.parametrize("value", [0, -1, 1.5, (1, 2, 3), "2"])
def test_strides_and_dilation_are_positive_integers_or_pairs(form, name, value):
    assert error_of(form, IMAGES, KERNELS, **{name: value}) == (
        f"`{name}` must be an integer of at least 1, or two of them. "
        f"Received: {name}={value}"
    )


@BOTH_FORMS
@pytest.mark.parametrize("value", [0, -1, 1.5, (2, 2), "2"])
def test_groups_are_one_positive_integer(form, value):
    assert error_of(form, IMAGES, KERNELS, groups=value) == (
        f"`groups` must be an integer of at least 1. Received: groups={value}"
    )


@pytest.mark.parametrize("name", ["size", "kernel_size", "strides", "dilation_rate"])
@pytest.mark.parametrize("count", [output_size, zero_padding])
def test_sizes_along_one_axis_are_single_integers(count, name):
    arguments = {"size": 8, "kernel_size": 3, name: (2, 2)}
    assert error_of(count, **arguments) == (
        f"`{name}` must be an integer of at least 1. Received: {name}=(2, 2)"
    )


@BOTH_FORMS
def test_padding_must_be_valid_or_same(form):
    assert error_of(form, IMAGES, KERNELS, padding="full") == (
        '`padding` must be "valid" or "same". Received: padding=\'full\''
    )


@BOTH_FORMS
def test_a_valid_kernel_must_fit_into_the_image(form):
    assert error_of(form, IMAGES, KERNELS, dilation_rate=3) == (
        'With padding="valid" the kernel must fit into the image. '
        "Received: a kernel that spans 7 pixels, an image of 5 pixels"
    )


def test_gradients_arrive_in_the_shape_of_the_feature_maps():
    assert error_of(conv2d_gradients, IMAGES, KERNELS, IMAGES) == (
        "`output_gradients` must have the shape of the feature maps, (1, 3, 3, 6). "
        "Received: output_gradients.shape=(1, 5, 5, 4)"
    )


@pytest.mark.parametrize("pool", [max_pool2d, average_pool2d])
def test_pools_refuse_bad_sizes_and_images(pool):
    assert error_of(pool, IMAGES, 0) == (
        "`pool_size` must be an integer of at least 1, or two of them. "
        "Received: pool_size=0"
    )
    assert error_of(pool, IMAGES, 2, strides=0) == (
        "`strides` must be an integer of at least 1, or two of them. "
        "Received: strides=0"
    )
    assert error_of(pool, IMAGES[0]) == (
        "`images` must have four axes (B, H, W, C). Received: images.shape=(5, 5, 4)"
    )
    assert error_of(pool, IMAGES, 6) == (
        'With padding="valid" the kernel must fit into the image. '
        "Received: a kernel that spans 6 pixels, an image of 5 pixels"
    )
