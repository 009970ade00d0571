"""Representative images that would spoil every range are refused."""

import numpy as np
import pytest

from cnnlab.lite.representative import check

SHAPE = (8, 9, 3)
IMAGES = np.random.default_rng(0).random((32, *SHAPE), "float32")


@pytest.mark.parametrize(
    ("images", "text"),
    [
        (np.zeros((40, 8, 8, 3)), r"shape \(N, 8, 9, 3\). Received: \(40, 8, 8, 3\)"),
        (np.zeros(SHAPE), r"shape \(N, 8, 9, 3\). Received: \(8, 9, 3\)"),
        (IMAGES[:31], "At least 32 representative images show .* Received: 31"),
        (np.zeros((32, *SHAPE), int), "scaled as the model's images are. Received: in"),
        (np.ones((32, *SHAPE)), "all of one value. Received: values from 1.0 to 1.0"),
        (IMAGES * np.nan, "finite and not all of one value. Received"),
        (
            np.where(IMAGES > 0.9, np.inf, IMAGES),
            "finite and not all of one value. Received",
        ),
        (np.repeat(IMAGES[:1], 32, 0), "Received: 32 times the same one"),
    ],
)
def test_unfit_images_are_refused(images, text):
    with pytest.raises(ValueError, match=text):
        check(images, SHAPE)


@pytest.mark.parametrize(
    ("factor", "received"),
    [(255, "from .* to 25"), (-1, "from -0.9"), (0.4, "to 0.39"), (1.1, "to 1.0")],
)
def test_images_of_another_scale_are_refused(factor, received):
    rule = (
        "lie between 0 and 1, `image_range`, and fill at least half of it. Received: "
    )
    with pytest.raises(ValueError, match=f"{rule}values .*{received}"):
        check(factor * IMAGES, SHAPE, image_range=(0, 1))


@pytest.mark.parametrize("shape", [SHAPE, (None, None, 3)])
@pytest.mark.parametrize("image_range", [None, (0, 1), (-0.4, 1.5), (0, 1.9)])
def test_fit_images_pass(shape, image_range):
    check(IMAGES, shape, image_range)
