"""A packaged model answers pictures, without TensorFlow.

Taught in notebooks/15_tflite_quantization.ipynb.

What `cnnlab classify` does: the model's own file says how a picture becomes its input
and what its outputs are called, so that neither can be got wrong.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from cnnlab.lite import package, pictures
from cnnlab.lite.interpreter import open_interpreter, run

SCALE = ("input_shape", "low", "high")


class Answer(NamedTuple):
    """One class and how probable it is."""

    label: str
    probability: float


class Classifier:
    """A model file, ready to answer.

    Args:
        path: A `.tflite` file with the preprocessing that `cnnlab.lite.package` puts
            into it. Its labels may also lie beside it, in `NAME.labels.txt` or
            `labels.txt`.

    Raises:
        PackageError: If it is missing, damaged or no such model.
    """

    def __init__(self, path):
        path = Path(path)
        if not path.is_file():
            raise package.PackageError(pictures.not_a_file(path))
        content = path.read_bytes()
        contained = package.unpack(content)
        self._interpreter = _started(content)
        self.preprocessing = _required_preprocessing(contained)
        self.labels = contained.labels or _labels_beside(path)
        self.provenance = contained.provenance
        self._check_shapes()
        self._check_ends_in_logits()

    def answer(self, path, num_answers=3):
        """Classifies a picture's file.

        Args:
            path: File of a picture.
            num_answers: How many classes to name at most.

        Returns:
            `Answer`s, the most probable first.

        Raises:
            PictureError: If the file cannot be used as a picture.
        """
        image = pictures.read(path, self.preprocessing)
        probabilities = softmax(self.logits(image))
        order = np.argsort(-probabilities, kind="stable")[:num_answers]
        return [Answer(self.labels[k], float(probabilities[k])) for k in order]

    def logits(self, image):
        """Runs the network on one preprocessed image.

        Args:
            image: Float array `(height, width, channels)`.

        Returns:
            Float array `(num_classes,)`, dequantised where the model is quantised.
        """
        return run(self._interpreter, np.asarray(image)[None])[0]

    def _check_shapes(self):
        inputs = _shapes(self._interpreter.get_input_details())
        outputs = _shapes(self._interpreter.get_output_details())
        image = (1, *self.preprocessing.input_shape)
        if (inputs, outputs) != ([image], [(1, len(self.labels))]):
            raise package.PackageError(
                f"Its preprocessing and {len(self.labels)} labels ask for one input "
                f"{image} and one output {(1, len(self.labels))}. "
                f"Received: inputs {inputs}, outputs {outputs}"
            )

    def _check_ends_in_logits(self):
        """Refuses a model whose outputs are probabilities for whatever image."""
        shape, low, high = (getattr(self.preprocessing, name) for name in SCALE)
        shades = [np.full(shape, value, "float32") for value in (low, high)]
        ramp = np.linspace(low, high, shades[0].size, dtype="float32").reshape(shape)
        outputs = np.array([self.logits(image) for image in (*shades, ramp)])
        sums = outputs.sum(1)
        in_range = outputs.min() >= 0 and outputs.max() <= 1
        if in_range and outputs.shape[1] > 1 and abs(sums - 1).max() < 0.02:
            raise package.PackageError(
                "The model must end in logits, because a second softmax would flatten "
                "its probabilities: leave the last activation out before converting. "
                f"Received: outputs in [0, 1] that sum to {sums.mean():.3f}"
            )


def softmax(logits):
    """Returns probabilities `(num_classes,)` from logits of that shape.

    By hand, because importing SciPy's would double the time that a command takes.
    """
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum()


def _required_preprocessing(contained):
    if contained.preprocessing is None:
        raise package.PackageError(
            "A model to classify with holds its preprocessing: put it in with "
            "`cnnlab.lite.package.pack`. Received: a model without"
        )
    return contained.preprocessing


def _labels_beside(path):
    beside = [path.with_suffix(".labels.txt"), path.with_name("labels.txt")]
    for file in beside:
        if file.is_file():
            return package.read_labels(file.read_bytes())
    raise package.PackageError(
        f"A model holds its labels, or they lie beside it in {beside[0].name} or "
        "labels.txt. Received: neither"
    )


def _started(content):
    try:
        return open_interpreter(content, num_threads=1)
    except (ValueError, RuntimeError) as error:
        raise package.PackageError(f"TFLite cannot run it: {error}") from None


def _shapes(tensors):
    return [tuple(tensor["shape"].tolist()) for tensor in tensors]
