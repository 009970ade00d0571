"""What can be had from where: every data set, every pretrained network."""

from cnnlab.data import (
    adrenalmnist3d,
    fetch,
    image_folders,
    modelnet10,
    pretrained,
    solids,
)


def available(verify=False):
    """Lists which data set or backbone can be had from where, without loading any.

    Args:
        verify: Whether to read and check every local file of a data set; otherwise its
            presence is enough. Weights are always verified.

    Returns:
        A list of `cnnlab.data.fetch.Availability`. Only the state "damaged" is a
        fault: an absent source is passed over by "auto".
    """
    return [
        *fetch.available(verify),
        *image_folders.available(verify),
        *adrenalmnist3d.available(verify),
        *modelnet10.available(verify),
        *solids.available(),
        *pretrained.available(),
    ]
