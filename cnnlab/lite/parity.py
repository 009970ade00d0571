"""Does a converted model still decide as the original does?

Taught in notebooks/15_tflite_quantization.ipynb.
"""

from typing import NamedTuple

import numpy as np

from cnnlab.lite.by_layer import layer_errors
from cnnlab.lite.interpreter import predict


class Agreement(NamedTuple):
    """How far the scores of a converted model are from those of the original.

    Attributes:
        num_images: Images compared.
        same_decisions: Share of them with the same best class; scores that are not
            finite decide nothing.
        mean_error: Mean absolute difference of the scores.
        largest_error: Largest absolute difference.
    """

    num_images: int
    same_decisions: float
    mean_error: float
    largest_error: float


class DisagreementError(ValueError):
    """A converted model decides otherwise than the original too often."""


def agreement(scores, converted_scores):
    """Compares the scores of a converted model with those of the original.

    Args:
        scores: Array of shape `(N, num_classes)` of the original model.
        converted_scores: Array of the same shape of the converted one.

    Returns:
        An `Agreement`.

    Raises:
        ValueError: If the shapes differ, or there are no scores.
    """
    scores, converted_scores = np.asarray(scores), np.asarray(converted_scores)
    if scores.ndim != 2 or scores.shape != converted_scores.shape or not scores.size:
        raise ValueError(
            "Both scores have one shape (N, num_classes), with N at least 1. "
            f"Received: {scores.shape} and {converted_scores.shape}"
        )
    with np.errstate(invalid="ignore"):  # of one infinity and another
        errors = np.abs(scores - converted_scores)
    same = scores.argmax(-1) == converted_scores.argmax(-1)
    same &= np.isfinite(errors).all(-1)
    return Agreement(
        len(scores), float(same.mean()), float(errors.mean()), float(errors.max())
    )


def require_agreement(reference, flatbuffer, images, least=0.97, num_traced=50):
    """Refuses a converted model that decides otherwise than the original too often.

    Args:
        reference: The model converted as "float32", bytes.
        flatbuffer: The same model converted as another variant, bytes.
        images: Floats of shape `(N, H, W, C)`, scaled as the Keras model's images are.
        least: Share of equal decisions below which the model is refused.
        num_traced: Images, the first ones, with which the layer is found that loses
            the most.

    Returns:
        The `Agreement`.

    Raises:
        DisagreementError: If fewer decisions are equal; it names that layer.
    """
    found = agreement(predict(reference, images), predict(flatbuffer, images))
    if found.same_decisions >= least:
        return found
    errors = layer_errors(reference, flatbuffer, images[:num_traced])
    worst = max(errors, key=lambda error: error.own)
    raise DisagreementError(
        f"A converted model makes at least {least:.1%} of its decisions as the "
        f"original does. Received: {found.same_decisions:.1%} of {found.num_images}; "
        f"the layer {worst.layer!r} ({worst.operations}) loses most, {worst.own:.0%} "
        f"of its signal, and {errors[-1].accumulated:.0%} are lost at the end"
    )
