"""What can be had from where: every data set, every backbone and its head."""

from cnnlab.data import albums, backbones, heads, sources, volumes


def available(verify=False):
    """Lists which data set or backbone can be had from where, without loading any.

    Args:
        verify: Whether to read and check every local file of a data set; otherwise its
            presence is enough. Weights are always verified.

    Returns:
        A list of `cnnlab.data.sources.Availability`. Only the state "damaged" is a
        fault: an absent source is passed over by "auto".
    """
    return [
        *sources.available(verify),
        *albums.available(verify),
        *volumes.available(verify),
        *backbones.available(),
        *heads.available(),
    ]
