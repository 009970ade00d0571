"""The networks of lesson 13 against their specification and a 2D reference."""

import keras
import numpy as np
import pytest

from cnnlab.models.video import channels_between, cnn3d, factorized, frame_average

SMALL = {"filters": (2, 2, 2), "hidden": 4}  # few kernels: JAX compiles each shape


def clips(count=2, frames=4):
    return np.random.default_rng(0).random((count, frames, 16, 8, 1), "float32")


on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="JAX compiles it for seconds"
)


@pytest.fixture(scope="module")
def specified():
    return cnn3d()


@pytest.fixture(scope="module")
def small():
    """The networks by name, built once: JAX compiles each of their kernels."""
    keras.utils.set_random_seed(0)
    return {
        "3D": cnn3d((4, 16, 8, 1), 3, **SMALL),
        "(2+1)D": cnn3d((4, 16, 8, 1), 3, **SMALL, factorize=True),
        "frames": frame_average((4, 16, 8, 1), 3, **SMALL),
    }


def answer(model, images):
    return np.array(model(images))


@on_tensorflow
def test_parameter_count_is_the_specified_one(specified):
    assert specified.count_params() == 315_786


@on_tensorflow
def test_layers_follow_the_specified_order(specified):
    layers = specified.layers[1:]
    kinds = [type(layer).__name__ for layer in layers]
    block = ["Conv3D", "BatchNormalization", "Activation", "MaxPooling3D"]
    head = ["GlobalAveragePooling3D", "Dense", "Dropout", "Dense"]
    assert kinds == [*3 * block, *head]
    assert [x.kernel_size for x in layers[:12:4]] == [(3, 3, 3)] * 3
    assert [x.pool_size for x in layers[3:12:4]] == [(1, 2, 2), (2, 2, 2), (2, 2, 2)]
    assert [x.output.shape[1:4] for x in layers[3:12:4]] == [
        (16, 56, 56),
        (8, 28, 28),
        (4, 14, 14),
    ]
    assert layers[-2].rate == 0.5


def test_logits_of_the_given_classes_come_out(small):
    for model in small.values():
        assert model.output_shape == (None, 3)
        last = [x for x in model.layers if isinstance(x, keras.layers.Dense)][-1]
        assert last.activation is keras.activations.linear


@on_tensorflow
@pytest.mark.parametrize("strides", [1, 2])
def test_a_factorised_convolution_has_the_parameters_and_size_of_a_full_one(strides):
    inputs = keras.Input((8, 16, 16, 32))
    outputs = factorized(inputs, 64, strides)
    plane, time = (
        layer
        for layer in keras.Model(inputs, outputs).layers
        if isinstance(layer, keras.layers.Conv3D)
    )
    assert outputs.shape[1:] == (8 // strides, 16 // strides, 16 // strides, 64)
    assert (plane.kernel_size, time.kernel_size) == ((1, 3, 3), (3, 1, 1))
    weights = np.prod(plane.kernel.shape) + np.prod(time.kernel.shape)
    full = 27 * 32 * 64
    assert full - (9 * 32 + 3 * 64) < weights <= full


def test_channels_between_are_those_of_the_paper():
    assert channels_between(64, 64) == 144  # of R(2+1)D's first stage


def test_the_factorised_network_has_one_more_activation_a_block(small):
    for name, expected in (("3D", 3), ("(2+1)D", 6)):
        kinds = [type(layer).__name__ for layer in small[name].layers]
        assert kinds.count("Activation") == expected
    counts = [small[name].count_params() for name in ("3D", "(2+1)D")]
    assert abs(counts[1] - counts[0]) < 150


def test_frames_in_another_order_get_the_same_average(small):
    shuffled = clips()[:, [2, 0, 3, 1]]
    frames, together = small["frames"], small["3D"]
    expected = answer(frames, clips())
    np.testing.assert_allclose(answer(frames, shuffled), expected, atol=1e-5)
    assert np.abs(answer(together, shuffled) - answer(together, clips())).max() > 1e-4


def test_the_average_is_that_of_a_2d_network_on_each_frame(small):
    inputs = x = keras.Input((16, 8, 1))
    for filters in SMALL["filters"]:
        x = keras.layers.Conv2D(filters, 3, padding="same")(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.MaxPooling2D()(keras.layers.Activation("swish")(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(SMALL["hidden"], activation="swish")(x)
    flat = keras.Model(inputs, keras.layers.Dense(3)(x))
    weights = small["frames"].get_weights()
    flat.set_weights(  # a kernel of the network is one frame deep
        [w[0] if w.ndim == 5 else w for w in weights]
    )
    one_by_one = answer(flat, clips().reshape(8, 16, 8, 1)).reshape(2, 4, 3).mean(1)
    np.testing.assert_allclose(answer(small["frames"], clips()), one_by_one, atol=1e-5)


@pytest.mark.parametrize("name", ["(2+1)D", "frames"])
def test_saved_model_reloads_and_answers_the_same(small, name, tmp_path):
    small[name].save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    expected = answer(small[name], clips())
    np.testing.assert_allclose(answer(again, clips()), expected, rtol=1e-5, atol=1e-6)


@on_tensorflow
def test_a_volume_is_pooled_along_all_its_axes():
    model = cnn3d((32, 32, 32, 1), strides=2, filters=(2, 3), pools=(2, (1, 2, 2)))
    pooled = [x for x in model.layers if isinstance(x, keras.layers.MaxPooling3D)]
    assert pooled[-1].output.shape[1:4] == (8, 4, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"input_shape": (32, 32, 3)},
            r"must be \(frames, height, width, channels\). Received: \(32, 32, 3\)",
        ),
        (
            {"input_shape": (2, 32, 32, 3)},
            r"at least 4 frames of 8x8 pixels .*Received: \(2, 32, 32, 3\)",
        ),
        ({"input_shape": (8, 32, 7, 3)}, r"8x8 pixels .*Received: \(8, 32, 7, 3\)"),
        (
            {"filters": (8, 16)},
            r"one pooling for each block. Received: filters=\(8, 16\)",
        ),
    ],
)
def test_bad_sizes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        cnn3d(**arguments)


def test_a_frame_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="at least 1 frames of 8x8"):
        frame_average((2, 4, 8, 1))
