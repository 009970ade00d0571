"""What can be had from where: every data set, every pretrained network."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from cnnlab.data import (
    adrenalmnist3d,
    cifar10,
    clothing,
    fetch,
    flowers,
    hymenoptera,
    modelnet10,
    network,
    pretrained,
    tfds,
)

LOCAL = {
    "cifar10": cifar10,
    "hymenoptera": hymenoptera,
    "clothing": clothing,
    "adrenalmnist3d": adrenalmnist3d,
    "modelnet10": modelnet10,
}
EMBEDDED = {  # data set: the installed package that it, or what stands in, comes from
    "digits": "sklearn",
    "photographs": "skimage",
    **dict.fromkeys(["scenes", "clips", "solids", *LOCAL, "flowers"], "numpy"),
}


class Availability(NamedTuple):
    """One line of `available`."""

    dataset: str
    source: str
    state: str  # "ready", "absent" or "damaged"
    message: str  # what is wrong and the way out; empty where the state is "ready"


def available(verify=False):
    """Lists which data set or network can be had from where, without loading any.

    All of it is examined at once, so a network that is silent is waited for once.

    Args:
        verify: Whether to read and check every local file of a data set; otherwise its
            presence is enough. Weights are always verified.

    Returns:
        A list of `Availability`. Only the state "damaged" is a fault: an absent source
        is passed over by "auto".
    """
    checks = list(_list_checks(verify))
    with ThreadPoolExecutor(len(checks)) as pool:
        return list(pool.map(lambda check: _examine(*check), checks))


def _list_checks(verify):
    """Yields data set, source, and a function that raises unless it can be had."""
    for name, dataset in LOCAL.items():
        yield name, "local", _check_local, dataset, verify
    for name, url in (("cifar10", cifar10.FILE.url), ("tf_flowers", flowers.URL)):
        yield name.removeprefix("tf_"), "download", tfds.check, name, url
    for dataset in (hymenoptera, clothing, adrenalmnist3d):
        name = dataset.__name__.rpartition(".")[2]
        yield name, "download", network.check_download, dataset.FILE
    for name, package in EMBEDDED.items():
        yield name, "embedded", fetch.find_package, package
    for name, file in pretrained.list_published().items():
        yield name, "local", pretrained.find_local, {name: file}
        yield name, "download", network.require_network, file.url
    yield pretrained.EMBEDDED, "embedded", pretrained.load, "embedded"
    yield pretrained.LITE0, "embedded", fetch.read_packaged, *pretrained.LITE0_FILE


def _check_local(dataset, verify):
    dataset.check(fetch.find_local(dataset.FILE), verify)


def _examine(dataset, source, check, *arguments):
    try:
        check(*arguments)
    except fetch.AbsentError as error:
        return Availability(dataset, source, "absent", str(error))
    except fetch.DataError as error:
        return Availability(dataset, source, "damaged", str(error))
    return Availability(dataset, source, "ready", "")
