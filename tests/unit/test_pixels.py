"""Pixels: bytes and floats say the same."""

import numpy as np
import pytest

from cnnlab.data import digits, photographs, pixels, scenes


def test_every_byte_survives_the_way_to_floats_and_back():
    bytes_ = np.arange(256, dtype="uint8")
    floats = pixels.convert(bytes_, "float32")
    assert floats.dtype == np.float32
    np.testing.assert_array_equal(floats, bytes_ / np.float32(255))
    np.testing.assert_array_equal(pixels.convert(floats, "uint8"), bytes_)


def test_floats_are_rounded_to_the_nearest_byte():
    floats = np.array([0, 0.499 / 255, 0.501 / 255, 254.6 / 255, 1], "float32")
    np.testing.assert_array_equal(pixels.convert(floats, "uint8"), [0, 0, 1, 255, 255])


@pytest.mark.parametrize("dtype", pixels.DTYPES)
def test_what_has_the_type_already_is_not_copied(dtype):
    images = np.ones((2, 3), dtype)
    assert pixels.convert(images, dtype) is images


@pytest.mark.parametrize("dtype", ["float64", "bytes", None, np.uint8])
def test_other_types_are_refused(dtype):
    with pytest.raises(ValueError, match='must be "float32".*or "uint8".*Received: '):
        pixels.check_dtype(dtype)


def test_loaders_give_bytes_that_agree_with_their_floats():
    for load in (digits.load, scenes.load):
        floats, bytes_ = (load("embedded", 20, 10, dtype=d) for d in pixels.DTYPES)
        for (as_floats, labels), (as_bytes, same) in zip(floats[:2], bytes_[:2]):
            assert as_bytes.dtype == np.uint8
            np.testing.assert_allclose(as_bytes / 255, as_floats, atol=0.501 / 255)
            np.testing.assert_array_equal(labels, same)
    photograph = photographs.load("embedded", dtype="uint8")[0]["coffee"]
    assert photograph.dtype == np.uint8
