"""Class labels in the forms in which datasets give them, as one array of numbers."""

import numpy as np


def class_numbers(labels, num_items=None, num_classes=None):
    """Returns labels as class numbers, one for each item.

    Args:
        labels: Class numbers of shape `(N,)`, a column of them, `(N, 1)`, as
            `keras.datasets` gives them, or one-hot rows, `(N, C)`.
        num_items: Number of items that the labels belong to, if it is known.
        num_classes: Number of classes, if it is known.

    Returns:
        An int64 array of shape `(N,)`.

    Raises:
        ValueError: If the labels have another form, are not as many as the items, or
            name a class that does not exist.

    Example:
        >>> class_numbers([[0, 1], [1, 0]])
        array([1, 0])
    """
    labels = np.asarray(labels)
    numbers = _without_class_axis(labels)
    if num_items is not None and len(numbers) != num_items:
        raise ValueError(
            "There must be one label for each item. "
            f"Received: {len(numbers)} labels, {num_items} items"
        )
    highest = np.inf if num_classes is None else num_classes - 1
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() <= highest:
        raise ValueError(
            f"Labels must be class numbers from 0 to {highest:g}. "
            f"Received: {numbers.min()} to {numbers.max()}"
        )
    return numbers


def _without_class_axis(labels):
    if labels.dtype.kind not in "biuf" or labels.ndim not in (1, 2):
        raise _wrong_form(labels)
    if labels.ndim == 2 and labels.shape[1] != 1:
        is_one_hot = np.isin(labels, (0, 1)).all() and (labels.sum(1) == 1).all()
        if not is_one_hot:
            raise _wrong_form(labels)
        return labels.argmax(1)
    if not np.isfinite(labels).all() or (labels % 1).any():
        raise _wrong_form(labels)
    return labels.reshape(-1).astype("int64")


def _wrong_form(labels):
    return ValueError(
        "Labels must be class numbers of shape (N,) or (N, 1), or one-hot rows (N, C). "
        "Soft labels, as mixup makes them, have no class number. "
        f"Received: {labels.dtype} of shape {labels.shape}"
    )
