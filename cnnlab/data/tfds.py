"""TensorFlow Datasets, the way by which CIFAR-10 and the flowers are downloaded."""

import os
from contextlib import contextmanager

from cnnlab.data import fetch, network


def find_cache():
    """Returns the folder in which TensorFlow Datasets keeps what it has prepared."""
    folder = os.environ.get("TFDS_DATA_DIR")
    return (
        fetch.expand_home(folder)
        if folder
        else network.find_home() / "tensorflow_datasets"
    )


def check(dataset, url):
    """Makes sure that a data set can be had, before the library is imported.

    Args:
        dataset: Its name in TensorFlow Datasets.
        url: Where it is published; asked only if the cache does not hold it.

    Raises:
        AbsentError: If downloads are forbidden, or the cache does not hold the data
            set and nothing answers at `url`.
    """
    network.require_permission()
    if not any(find_cache().glob(f"{dataset}/*/dataset_info.json")):
        network.require_network(url)


@contextmanager
def prepare(dataset, url, title, remedy):
    """Downloads and prepares a data set, and names what fails while it is read.

    Args:
        dataset: Its name in TensorFlow Datasets.
        url: Where it is published; asked only if the cache does not hold it.
        title: What an error calls it.
        remedy: The way out, for the error.

    Yields:
        `tensorflow_datasets` and the builder of the data set, which is prepared.

    Raises:
        AbsentError: If downloads are forbidden or nothing answers.
        DataError: If it cannot be downloaded, prepared or read.
    """
    check(dataset, url)
    try:
        import tensorflow_datasets

        builder = tensorflow_datasets.builder(
            dataset, data_dir=str(find_cache()), try_gcs=False
        )
        if not builder.is_prepared():  # the cache holds another version
            network.require_network(url)
        builder.download_and_prepare()
        yield tensorflow_datasets, builder
    except fetch.DataError:
        raise
    except Exception as error:  # whatever a network, a disk or a cache may do
        raise fetch.DataError(
            f"TensorFlow Datasets could not load {title}: {error}. "
            f"Try again, or {remedy}.",
            "TensorFlow Datasets could not load it",
        ) from error
