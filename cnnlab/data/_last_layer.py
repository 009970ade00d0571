"""Reads the columns of some classes from the last layer in a file of weights."""

import io

import h5py
import numpy as np


def read_columns(weights, names, classes):
    """Reads the weights of some classes from the last layer of a network.

    Args:
        weights: A file of weights in HDF5, bytes.
        names: Names of all classes of that layer, in its order.
        classes: Those wanted, in the order wanted: names such as "ant", or indices
            where a name is not unique.

    Returns:
        `kernel, bias, found`: float32 of shapes `(C, len(classes))` and
        `(len(classes),)`, and the names of the classes.

    Raises:
        ValueError: If a name is not the name of one class, or an index out of range.
    """
    chosen = [_find_index(each, names) for each in classes]
    kernel, bias = _read_last_layer(weights, len(names))
    return kernel[:, chosen], bias[chosen], [names[index] for index in chosen]


def _find_index(each, names):
    found = [each]
    if isinstance(each, str):
        found = [index for index, name in enumerate(names) if name == each]
    if len(found) != 1 or not 0 <= found[0] < len(names):
        where = f", which stands at {found}" if len(found) > 1 else ""
        raise ValueError(
            "`classes` must be names that one old class has, or positions below "
            f"{len(names)}. Received: {each!r}{where}"
        )
    return found[0]


def _read_last_layer(weights, num_classes):
    """Returns kernel `(C, num_classes)` and bias, in an HDF5 file's only such layer."""
    found = {}

    def keep(_, item):
        if isinstance(item, h5py.Dataset) and item.shape[-1:] == (num_classes,):
            found["bias" if item.ndim == 1 else "kernel"] = np.array(item, "float32")

    with h5py.File(io.BytesIO(weights)) as file:
        file.visititems(keep)
    return found["kernel"].reshape(-1, num_classes), found["bias"]
