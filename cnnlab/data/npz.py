"""Archives of NumPy arrays (`.npz`), read only if they hold what was published."""

import io

import numpy as np

from cnnlab.data import fetch


def read_arrays(content, shapes, path):
    """Takes arrays out of an archive of NumPy, and makes sure that they are those.

    Args:
        content: The file, bytes; a pickle inside it is refused.
        shapes: A dict from the name of each array to its shape.
        path: What an error calls the file.

    Returns:
        A dict from names to arrays.

    Raises:
        DataError: If an array is missing or has another shape.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in shapes}
        received = {name: array.shape for name, array in arrays.items()}
        if received != shapes:
            raise ValueError(f"arrays of {received}")
    except Exception as error:  # a damaged file may raise anything
        raise fetch.DataError(
            f"{path} must hold arrays of {shapes}. Received: {error}. {fetch.EMBED}.",
            f"{path.name} is damaged or another file",
        ) from error
    return arrays
