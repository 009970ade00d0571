"""CIFAR-10: 60,000 photographs of 32x32 pixels, ten kinds of things.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Source: Krizhevsky 2009, Learning multiple layers of features from tiny images,
chapter 3, https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf

The measure of small networks for 15 years, and not quite clean: 3.3 % of the test
images have a near-duplicate among the training images (Barz and Denzler 2020,
https://arxiv.org/abs/1902.00423). Without it, Scenes stand in.
"""

import io
import pickle
import tarfile

import numpy as np

from cnnlab.data import fetch, scenes, tfds

FILE = fetch.File(
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "md5:c58f30108f718f92721af3b95e74349a",
    unpacked="cifar-10-batches-py",
)
BATCHES = {  # in that folder
    "data_batch_1": "md5:c99cafc152244af753f735de768cd75f",
    "data_batch_2": "md5:d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "md5:54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "md5:634d18415352ddfa80567beed471001a",
    "data_batch_5": "md5:482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "md5:40351d587109b95175f43aff81a1287e",
}
NUM_PER_BATCH = 10_000
NUM_BATCHES = 5  # of training images; the test images are one more
CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
PICKLED = {  # all that a batch needs to be rebuilt
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
}


def load(source="auto", num_train=None, num_test=None, dtype="float32"):
    """Loads CIFAR-10, or Scenes where it cannot be had.

    Local files and download give the same images in the same, official order.

    Args:
        source: "local", "download", "embedded" (Scenes), or "auto": the first of
            these that is there.
        num_train: Number of training images, the first of the 50,000.
        num_test: Number of test images, the first of the 10,000.
        dtype: "float32" for images in [0, 1], or "uint8".

    Returns:
        `(images_train, labels_train), (images_test, labels_test), info`: images of
        shape `(N, 32, 32, 3)`; labels int64, shape `(N,)`.

    Raises:
        ValueError: If an argument is out of range.
        DataError: If the source asked for cannot be used.
    """
    sizes = (
        fetch.check_count("num_train", num_train, NUM_BATCHES * NUM_PER_BATCH),
        fetch.check_count("num_test", num_test, NUM_PER_BATCH),
    )
    readers = {
        "local": lambda: _read_local(*sizes),
        "download": lambda: _read_download(*sizes),
        "embedded": lambda: scenes.load("embedded", num_train, num_test),
    }
    return fetch.load(source, readers, dtype)


def check(path, verify=False):
    """Raises `DataError` unless a folder or archive holds all batches.

    Args:
        path: Path of either.
        verify: Whether to compare checksums, for which all of it is read.
    """
    if path.name == FILE.name:
        if verify:
            fetch.read(path, FILE.checksum)
        return
    missing = [name for name in BATCHES if not (path / name).is_file()]
    if missing:
        message = f"{path} lacks {', '.join(missing)}; {fetch.REPAIR}."
        raise fetch.DataError(message, f"{path.name} is incomplete")
    for name, checksum in BATCHES.items() if verify else ():
        fetch.read(path / name, checksum)


def _describe(source, checksum):
    return fetch.DataInfo(
        name="CIFAR-10",
        source=source,
        classes=CLASSES,
        licence="none stated; for research and teaching, with citation",
        citation="Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html",
        checksum=checksum,
    )


def _read_local(num_train, num_test):
    num_batches = -(-num_train // NUM_PER_BATCH)
    names = [f"data_batch_{number}" for number in range(1, num_batches + 1)]
    path = fetch.find_local(FILE)
    read = _read_packed if path.name == FILE.name else _read_unpacked
    batches = {
        name: read_batch(content, name)
        for name, content in read(path, [*names, "test_batch"])
    }
    train = _join([batches[name] for name in names], num_train)
    test = _join([batches["test_batch"]], num_test)
    return train, test, _describe("local", FILE.checksum)


def _read_unpacked(path, names):
    for name in names:
        yield name, fetch.read(path / name, BATCHES[name])


def _read_packed(path, names):
    """Yields names and contents in any order; nothing is written."""
    content = io.BytesIO(fetch.read(path, FILE.checksum))
    wanted = {f"{FILE.unpacked}/{name}": name for name in names}
    with tarfile.open(fileobj=content) as members:
        for member in members:
            if member.name in wanted:
                yield wanted[member.name], members.extractfile(member).read()


def _join(batches, num_images):
    pixels, labels = (
        np.concatenate(part)[:num_images] for part in zip(*batches, strict=True)
    )
    images = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), labels.astype(np.int64)


def read_batch(content, name):
    """Decodes an official batch; a pickle that asks for more than arrays is refused.

    Args:
        content: The file, bytes, already verified.
        name: Its name, for the error.

    Returns:
        Pixels, uint8, shape `(10000, 3072)`, and labels, shape `(10000,)`.

    Raises:
        DataError: If it is not such a batch.
    """
    try:
        batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        pixels, labels = batch[b"data"], np.array(batch[b"labels"], np.uint8)
        if pixels.dtype != np.uint8 or pixels.shape != (NUM_PER_BATCH, 3072):
            raise ValueError(f"pixels {pixels.dtype} {pixels.shape}")
        if labels.shape != (NUM_PER_BATCH,) or labels.max() >= len(CLASSES):
            raise ValueError(f"labels {labels.shape}, up to {labels.max()}")
    except Exception as error:  # a broken pickle may raise anything
        raise fetch.DataError(
            f"{name} must be a CIFAR-10 batch: a pickle of {NUM_PER_BATCH} x 3072 "
            f"uint8 pixels and of labels, nothing else. Received: {error}",
            f"{name} is not a CIFAR-10 batch",
        ) from error
    return pixels, labels


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in PICKLED:
            raise pickle.UnpicklingError(f"{module}.{name}, which was not called")
        return PICKLED[module, name]


def _read_download(num_train, num_test):
    prepared = tfds.prepare("cifar10", FILE.url, "CIFAR-10", fetch.SET_DATA)
    with prepared as (library, builder):
        train = _read_split(library, builder, "train", num_train)
        test = _read_split(library, builder, "test", num_test)
        [archive] = builder.url_infos.values()
    return train, test, _describe("download", f"sha256:{archive.checksum}")


def _read_split(library, builder, split, num_images):
    images = np.empty((num_images, 32, 32, 3), np.uint8)
    labels = np.full(num_images, -1, np.int64)
    rows = builder.as_dataset(split=split, batch_size=1000)
    for batch in library.as_numpy(rows):  # shuffled; ids, "train_00042", tell the order
        indices = np.array([int(name.split(b"_")[-1]) for name in batch["id"]])
        wanted = indices < num_images
        images[indices[wanted]] = batch["image"][wanted]
        labels[indices[wanted]] = batch["label"][wanted]
    if labels.min() < 0:
        raise ValueError(f"its cache lacks images of the {split} split")
    return images, labels
