"""Predictions of a classifier, their accuracy and their mistakes.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
"""

import numpy as np
from sklearn.metrics import confusion_matrix


def predict(model, images, batch_size=500):
    """Returns the class probabilities of a model that ends in logits.

    Args:
        model: `keras.Model` from images to logits.
        images: Array of shape `(N, H, W, C)`.
        batch_size: Images in one step.

    Returns:
        A NumPy array of shape `(N, num_classes)` whose rows sum to 1.
    """
    logits = model.predict(images, batch_size=batch_size, verbose=0)
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def accuracy(probabilities, labels):
    """Returns the share of images whose most probable class is the right one.

    Args:
        probabilities: Array of shape `(N, num_classes)`; logits serve as well.
        labels: Class numbers, shape `(N,)`.

    Returns:
        A float in [0, 1].

    Raises:
        ValueError: If the two differ in length.
    """
    if len(probabilities) != len(labels):
        raise ValueError(
            "There must be one label for each row of `probabilities`. "
            f"Received: {len(probabilities)} rows, {len(labels)} labels"
        )
    return float(np.mean(np.argmax(probabilities, -1) == labels))


def confusion(probabilities, labels):
    """Counts how often each class was taken for each other one.

    Args:
        probabilities: Array of shape `(N, num_classes)`.
        labels: Class numbers, shape `(N,)`.

    Returns:
        An integer array `(num_classes, num_classes)`: row = truth, column = answer.
    """
    classes = np.arange(probabilities.shape[-1])
    return confusion_matrix(labels, probabilities.argmax(-1), labels=classes)


def worst_mistakes(probabilities, labels, num_images):
    """Finds the wrong answers that were given with the greatest confidence.

    Args:
        probabilities: Array of shape `(N, num_classes)`.
        labels: Class numbers, shape `(N,)`.
        num_images: How many to return at most.

    Returns:
        Indices of the images, the most confident mistake first.
    """
    answers = probabilities.argmax(-1)
    wrong = np.flatnonzero(answers != labels)
    return wrong[np.argsort(-probabilities[wrong, answers[wrong]])][:num_images]
