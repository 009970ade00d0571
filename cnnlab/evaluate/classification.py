"""Predictions of a classifier, their accuracy and their mistakes.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
"""

import numpy as np
from scipy.special import softmax
from sklearn.metrics import confusion_matrix

from cnnlab.labels import class_numbers


def predict(model, images, batch_size=500):
    """Returns the class probabilities of a model that ends in logits.

    Args:
        model: `keras.Model` from images to logits.
        images: Array of shape `(N, H, W, C)`.
        batch_size: Images in one step.

    Returns:
        A NumPy array of shape `(N, num_classes)` whose rows sum to 1.

    Raises:
        ValueError: If the model returns probabilities already.
    """
    logits = model.predict(images, batch_size=batch_size, verbose=0)
    if _are_probabilities(logits):
        raise ValueError(
            "`model` must end in logits: a second softmax would flatten its "
            "probabilities. Leave out its last activation, or call `model.predict`. "
            "Received: outputs in [0, 1] that sum to 1 for every image"
        )
    return softmax(logits, axis=-1)


def _are_probabilities(outputs):
    in_range = outputs.size and outputs.min() >= 0 and outputs.max() <= 1
    return bool(in_range and np.allclose(outputs.sum(-1), 1, atol=1e-3))


def accuracy(probabilities, labels):
    """Returns the share of images whose most probable class is the right one.

    Args:
        probabilities: Array of shape `(N, num_classes)`; logits serve as well.
        labels: In any form that `cnnlab.labels.class_numbers` takes.

    Returns:
        A float in [0, 1].

    Raises:
        ValueError: If the two differ in length or do not fit each other.
    """
    probabilities, labels = _checked(probabilities, labels)
    return float(np.mean(probabilities.argmax(-1) == labels))


def _checked(probabilities, labels):
    """Returns an array `(N, num_classes)` and class numbers `(N,)` that fit it."""
    probabilities = np.asarray(probabilities)
    if probabilities.ndim != 2:
        raise ValueError(
            "`probabilities` must have the shape (N, num_classes). "
            f"Received: {probabilities.shape}"
        )
    return probabilities, class_numbers(labels, *probabilities.shape)


def confusion(probabilities, labels):
    """Counts how often each class was taken for each other one.

    Args:
        probabilities: Array of shape `(N, num_classes)`.
        labels: As for `accuracy`.

    Returns:
        An integer array `(num_classes, num_classes)`: row = truth, column = answer.

    Raises:
        ValueError: As `accuracy`.
    """
    probabilities, labels = _checked(probabilities, labels)
    classes = np.arange(probabilities.shape[-1])
    return confusion_matrix(labels, probabilities.argmax(-1), labels=classes)


def worst_mistakes(probabilities, labels, num_images):
    """Finds the wrong answers that were given with the greatest confidence.

    Args:
        probabilities: Array of shape `(N, num_classes)`.
        labels: As for `accuracy`.
        num_images: How many to return at most.

    Returns:
        Indices of the images, the most confident mistake first.

    Raises:
        ValueError: As `accuracy`.
    """
    probabilities, labels = _checked(probabilities, labels)
    answers = probabilities.argmax(-1)
    wrong = np.flatnonzero(answers != labels)
    return wrong[np.argsort(-probabilities[wrong, answers[wrong]])][:num_images]
