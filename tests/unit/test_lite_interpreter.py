"""Images through a flatbuffer: any batch, real numbers in and out, clear refusals."""

import subprocess
import sys

import lite_networks
import numpy as np
import pytest

from cnnlab.lite.interpreter import open_interpreter, predict


@pytest.mark.parametrize("variant", ["float32", "dynamic range", "int8"])
def test_scores_do_not_depend_on_the_size_of_batches(variant):
    flatbuffer = lite_networks.converted(variant)
    whole = predict(flatbuffer, lite_networks.images())
    parts = predict(flatbuffer, lite_networks.images(), batch_size=7, num_threads=2)
    assert whole.shape == (40, lite_networks.NUM_CLASSES)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_integer_scores_are_real_numbers_on_the_output_s_grid():
    flatbuffer = lite_networks.converted("uint8")
    (details,) = open_interpreter(flatbuffer).get_output_details()
    steps = predict(flatbuffer, lite_networks.images()) / details["quantization"][0]
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)
    assert len(np.unique(np.rint(steps))) > 10


@pytest.mark.parametrize(
    ("shape", "dtype", "text"),
    [
        ((2, 9, 8, 3), np.float32, "shape (N, 8, 8, 3). Received: (2, 9, 8, 3)"),
        ((8, 8, 3), np.float32, "shape (N, 8, 8, 3). Received: (8, 8, 3)"),
        ((0, 8, 8, 3), np.float32, "one or more images"),
        ((2, 8, 8, 3), np.uint8, "Images are floats"),
    ],
)
def test_images_that_do_not_fit_are_refused(shape, dtype, text):
    with pytest.raises(ValueError, match="Received: ") as error:
        predict(lite_networks.converted("float32"), np.zeros(shape, dtype))
    assert text in str(error.value)


def test_what_is_no_flatbuffer_is_refused():
    with pytest.raises(ValueError, match=r"letters TFL3 .* Received: b'PK"):
        predict(b"PK\3\4 something else", lite_networks.images())


def test_model_runs_without_tensorflow_and_without_a_line(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(lite_networks.converted("float32"))
    command = (
        "import sys, pathlib, cnnlab.lite.cost, cnnlab.lite.parity; "
        "flatbuffer = pathlib.Path(sys.argv[1]).read_bytes(); "
        "cnnlab.lite.cost.open_interpreter(flatbuffer).invoke(); "
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    child = subprocess.run([sys.executable, "-c", command, path], capture_output=True)
    assert (child.stdout, child.stderr) == (b"set()\n", b"")
