"""Whitening: what patches become is uncorrelated, and stays as it was computed."""

import tracemalloc

import keras
import numpy as np
import pytest

from cnnlab.layers import whitening as module
from cnnlab.layers.whitening import whitening, whitening_filters


def smooth_images(num_images=40, size=8):
    """Images whose neighbouring pixels and channels are much alike."""
    noise = np.random.default_rng(0).random((num_images, size + 2, size + 2, 3))
    mean = sum(noise[:, i : i + size, j : j + size] for i in range(3) for j in range(3))
    return ((mean + mean.mean(-1, keepdims=True)) / 18).astype("float32")


def whiten(images, **options):
    """A model of one layer, and its answers to all patches, shape `(patches, F)`."""
    filters = whitening_filters(images, **options)
    inputs = keras.Input(images.shape[1:])
    model = keras.Model(inputs, whitening(inputs, *filters))
    answers = keras.ops.convert_to_numpy(model(images))
    return model, answers.reshape(-1, answers.shape[-1]).astype("float64")


@pytest.mark.parametrize(("kernel_size", "channels"), [(2, 3), (1, 3), (1, 1)])
def test_whitened_patches_have_mean_0_and_covariance_identity(
    monkeypatch, kernel_size, channels
):
    monkeypatch.setattr(module, "IMAGES_AT_A_TIME", 7)  # 40 images: the last are fewer
    images = smooth_images()[..., :channels]
    _, answers = whiten(images, kernel_size=kernel_size, epsilon=1e-12)
    half = answers[:, : kernel_size**2 * channels]
    assert half.shape[1] * 2 == answers.shape[1]
    covariance = np.atleast_2d(np.cov(half, rowvar=False))
    np.testing.assert_allclose(half.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(covariance, np.eye(len(half.T)), atol=1e-3)


def test_epsilon_damps_each_direction_by_its_variance():
    images = smooth_images()
    pixels = images.reshape(-1, 3).astype("float64")
    variances = np.linalg.eigvalsh(np.cov(pixels, rowvar=False))
    _, answers = whiten(images, kernel_size=1, epsilon=0.01)
    damped = answers[:, :3].var(0, ddof=1)
    np.testing.assert_allclose(damped, variances / (variances + 0.01), rtol=1e-3)


def test_every_filter_comes_with_its_negative():
    kernel, bias = whitening_filters(smooth_images())
    assert (kernel.shape, bias.shape) == ((2, 2, 3, 24), (24,))
    assert kernel.dtype == bias.dtype == np.float32
    np.testing.assert_array_equal(kernel[..., :12], -kernel[..., 12:])
    np.testing.assert_array_equal(bias[:12], -bias[12:])


def test_patches_of_many_images_do_not_lie_in_memory_together():
    images = smooth_images(num_images=4_000)
    tracemalloc.start()
    whitening_filters(images)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * images.nbytes  # in one piece: twelve times as much


def test_training_leaves_the_filters_as_they_are():
    images = smooth_images(8)
    model, _ = whiten(images)
    before = model.get_weights()
    assert model.trainable_weights == []
    outputs = keras.layers.Dense(1)(keras.layers.Flatten()(model.output))
    longer = keras.Model(model.input, outputs)
    longer.compile(keras.optimizers.SGD(0.1, weight_decay=0.1), "mse")
    head = longer.layers[-1].get_weights()[0]
    longer.fit(images, np.ones(8), verbose=0)
    assert (longer.layers[-1].get_weights()[0] != head).any()
    for now, then in zip(longer.layers[1].get_weights(), before):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize(
    ("shape", "kernel_size"), [((8, 8, 3), 2), ((5, 8, 3, 3), 4), ((5, 8, 8, 3), 0)]
)
def test_a_patch_must_fit_into_images(shape, kernel_size):
    message = r"must lie between 1 .* Received: .*, kernel_size=\d"
    with pytest.raises(ValueError, match=message):
        whitening_filters(np.ones(shape, "float32"), kernel_size)


def test_epsilon_must_be_positive():
    with pytest.raises(ValueError, match="`epsilon` must be positive. Received: 0"):
        whitening_filters(smooth_images(), epsilon=0)
