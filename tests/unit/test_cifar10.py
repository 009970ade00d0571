"""CIFAR-10: three sources, one order of images, and no pickle that does more."""

import dataclasses
import os
import pickle
import re
import shutil
import sys
import tarfile

import numpy as np
import pytest
from toys import md5, pack

from cnnlab.data import cifar10, fetch, network, scenes

REAL_FOLDER = os.environ.get("CNNLAB_DATA")
NUM_PER_BATCH = 20


def python_2(batch):
    """Pickles as the official files are: NumPy's module bears its old name there."""
    pickled = pickle.dumps(batch, protocol=3)
    return pickled.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def draw_batch(seed):
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (NUM_PER_BATCH, 3072), np.uint8)
    labels = generator.integers(0, 10, NUM_PER_BATCH).tolist()
    return {b"data": pixels, b"labels": labels}


BATCHES = {name: draw_batch(i) for i, name in enumerate(cifar10.BATCHES)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """CNNLAB_DATA with small batches, and checksums to match them."""
    files = {name: python_2(batch) for name, batch in BATCHES.items()}
    publish(files, monkeypatch)
    batches = tmp_path / cifar10.FILE.unpacked
    batches.mkdir()
    for name, content in files.items():
        (batches / name).write_bytes(content)
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    return batches


def publish(files, monkeypatch):
    checksums = {name: md5(content) for name, content in files.items()}
    monkeypatch.setattr(cifar10, "BATCHES", checksums)
    monkeypatch.setattr(cifar10, "NUM_PER_BATCH", NUM_PER_BATCH)


def expected(names, num_images):
    pixels = np.concatenate([BATCHES[name][b"data"] for name in names])[:num_images]
    labels = np.concatenate([BATCHES[name][b"labels"] for name in names])[:num_images]
    images = np.moveaxis(pixels.reshape(-1, 3, 32, 32), 1, -1)
    return images.astype(np.float32) / np.float32(255), labels


def test_local_batches_are_read_in_order_channels_last(folder):
    train, test, info = cifar10.load("local")
    assert train[0].shape == (100, 32, 32, 3)
    assert train[0].dtype == np.float32
    assert train[1].dtype == np.int64
    names = [f"data_batch_{number}" for number in range(1, 6)]
    for split, reference in [
        (train, expected(names, 100)),
        (test, expected(["test_batch"], 20)),
    ]:
        np.testing.assert_array_equal(split[0], reference[0])
        np.testing.assert_array_equal(split[1], reference[1])
    assert str(info) == "CIFAR-10 (local, 10 classes)"
    assert info.checksum == "md5:c58f30108f718f92721af3b95e74349a"


def test_only_the_batches_needed_are_read(folder):
    for number in (3, 4, 5):
        (folder / f"data_batch_{number}").unlink()
    train, test, _ = cifar10.load("local", num_train=30, num_test=7)
    reference = expected(["data_batch_1", "data_batch_2"], 30)
    np.testing.assert_array_equal(train[0], reference[0])
    np.testing.assert_array_equal(train[1], reference[1])
    assert test[0].shape == (7, 32, 32, 3)


def test_the_archive_as_published_gives_the_same_images(folder, tmp_path, monkeypatch):
    unpacked = cifar10.load("local", 30, 7)
    packed = pack(
        {f"{folder.name}/{path.name}": path.read_bytes() for path in folder.iterdir()}
    )
    file = dataclasses.replace(cifar10.FILE, checksum=md5(packed))
    monkeypatch.setattr(cifar10, "FILE", file)
    (tmp_path / file.name).write_bytes(packed)
    shutil.rmtree(folder)
    for ours, theirs in zip(
        cifar10.load("local", 30, 7)[:2], unpacked[:2], strict=True
    ):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
    (tmp_path / file.name).write_bytes(packed[:5000])
    monkeypatch.setattr(tarfile, "open", None)  # a call would fail otherwise
    with pytest.raises(fetch.DataError, match=r"tar.gz is damaged.*5,000 bytes"):
        cifar10.load("local")


def test_bytes_are_the_published_ones(folder):
    train, _, _ = cifar10.load("local", 30, 7, dtype="uint8")
    floats, _, _ = cifar10.load("local", 30, 7)
    assert train[0].dtype == np.uint8
    pixels = BATCHES["data_batch_1"][b"data"][0].reshape(3, 32, 32)
    np.testing.assert_array_equal(train[0][0], np.moveaxis(pixels, 0, -1))
    np.testing.assert_array_equal(train[0] / np.float32(255), floats[0])


def test_too_many_images_are_refused():
    with pytest.raises(ValueError, match="num_train.*50000. Received: num_train=50001"):
        cifar10.load("embedded", num_train=50_001)
    with pytest.raises(ValueError, match="num_test"):
        cifar10.load("embedded", num_test=0)


def test_scenes_stand_in_and_the_line_says_why(capsys):
    train, test, info = cifar10.load(num_train=3, num_test=2)
    assert capsys.readouterr().out == (
        "Data: Scenes (embedded, 10 classes), since CNNLAB_DATA is not set, and "
        "CNNLAB_OFFLINE=1 forbids downloads.\n"
    )
    assert train[0].shape == (3, 32, 32, 3)
    assert test[1].shape == (2,)
    assert info.classes == scenes.CLASSES


# Bad data


def test_damaged_batch_is_passed_over_by_auto_and_the_line_says_so(folder, capsys):
    damaged = bytearray((folder / "data_batch_1").read_bytes())
    damaged[1000] ^= 1
    (folder / "data_batch_1").write_bytes(damaged)
    *_, info = cifar10.load(num_train=3, num_test=2)
    assert info.name == "Scenes"
    line = capsys.readouterr().out
    assert "since data_batch_1 is damaged or not the official file" in line
    assert str(folder.parent) not in line
    assert line.count("\n") == 1


def test_truncated_batch_is_refused_before_it_is_unpickled(folder, monkeypatch):
    whole = (folder / "data_batch_1").read_bytes()
    (folder / "data_batch_1").write_bytes(whole[:5000])
    monkeypatch.setattr(cifar10, "read_batch", None)  # a call would fail otherwise
    with pytest.raises(fetch.DataError, match="data_batch_1 is damaged.*5,000 bytes"):
        cifar10.load("local", num_train=1)


def test_wrong_batch_under_the_right_name_is_refused(folder):
    (folder / "test_batch").write_bytes((folder / "data_batch_1").read_bytes())
    with pytest.raises(fetch.DataError, match="test_batch.*not the official file"):
        cifar10.load("local")


class Hostile:
    """Unpickled freely, it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(6))
def test_hostile_pickle_is_refused_and_does_not_run(folder, monkeypatch, protocol):
    pickled = pickle.dumps(Hostile(folder / "harm"), protocol)
    files = dict.fromkeys(BATCHES, pickled)
    publish(files, monkeypatch)  # as if it bore the right checksum
    (folder / "data_batch_1").write_bytes(pickled)
    with pytest.raises(fetch.DataError, match="data_batch_1 must be.*posix.mkdir"):
        cifar10.load("local", num_train=1)
    assert not (folder / "harm").exists()
    pickle.loads(pickled)
    assert (folder / "harm").exists()  # the payload itself works


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        python_2([]),
        python_2({b"data": BATCHES["test_batch"][b"data"]}),
        python_2({b"data": np.zeros((NUM_PER_BATCH, 3072)), b"labels": [0] * 20}),
        python_2({b"data": np.zeros((3, 3072), np.uint8), b"labels": [0] * 20}),
        python_2({b"data": BATCHES["test_batch"][b"data"], b"labels": [0, 1]}),
        python_2({b"data": BATCHES["test_batch"][b"data"], b"labels": [10] * 20}),
    ],
)
def test_anything_but_a_batch_is_refused(content, monkeypatch):
    monkeypatch.setattr(cifar10, "NUM_PER_BATCH", NUM_PER_BATCH)
    with pytest.raises(fetch.DataError, match="test_batch must be a CIFAR-10 batch"):
        cifar10.read_batch(content, "test_batch")


# TensorFlow Datasets


@pytest.fixture
def datasets(tmp_path, monkeypatch):
    """TensorFlow Datasets, mocked: an empty cache, a network, six shuffled images."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(cifar10, "NUM_PER_BATCH", 6)
    monkeypatch.setattr(network, "require_network", lambda url: None)

    def as_dataset(builder, split, **options):
        order = np.array([3, 0, 5, 1, 4, 2] if split == "train" else [1, 0, 2, 3])
        images = order[:, None, None, None] * np.ones((32, 32, 3))
        return tf.data.Dataset.from_tensor_slices(
            {
                "id": [f"{split}_{number:05d}" for number in order],
                "image": tf.cast(images * 51, tf.uint8),
                "label": tf.cast(order, tf.int64),
            }
        )

    with tfds.testing.mock_data(as_dataset_fn=as_dataset):
        yield tfds


def test_download_restores_the_official_order(datasets):
    train, test, info = cifar10.load("download", num_train=4, num_test=2)
    np.testing.assert_array_equal(train[1], [0, 1, 2, 3])
    np.testing.assert_array_equal(test[1], [0, 1])
    assert train[0].shape == (4, 32, 32, 3)
    assert train[0].dtype == np.float32
    np.testing.assert_allclose(train[0][:, 0, 0, 0], [0, 0.2, 0.4, 0.6], rtol=1e-6)
    assert str(info) == "CIFAR-10 (download, 10 classes)"
    assert re.fullmatch("sha256:c4a38c50[0-9a-f]{56}", info.checksum)


def test_incomplete_cache_is_refused(datasets):
    with pytest.raises(fetch.DataError, match="lacks images of the test split"):
        cifar10.load("download", num_train=6, num_test=5)


def test_failing_download_is_one_clear_error(datasets, monkeypatch):
    def fail(*arguments, **options):
        raise ConnectionError("the cable is cut")

    monkeypatch.setattr(datasets, "builder", fail)
    with pytest.raises(fetch.DataError, match="could not load CIFAR-10: the cable is"):
        cifar10.load("download")


def test_no_network_is_absent_not_a_failing_library(datasets, tmp_path, monkeypatch):
    def require_network(url):
        raise fetch.AbsentError("nothing answers", "nothing answers")

    stale = tmp_path / "cifar10" / "1.0.0"  # the cache holds another version
    stale.mkdir(parents=True)
    (stale / "dataset_info.json").touch()
    builder = datasets.builder("cifar10", try_gcs=False)
    monkeypatch.setattr(type(builder), "is_prepared", lambda builder: False)
    monkeypatch.setattr(network, "require_network", require_network)
    with pytest.raises(fetch.AbsentError, match="nothing answers"):
        cifar10.load("download")


def test_without_a_network_the_library_is_not_even_imported(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(fetch.DataError, match="CNNLAB_OFFLINE=1 forbids downloads"):
        cifar10.load("download")


# The real ones


@pytest.mark.skipif(
    not REAL_FOLDER or not os.path.isdir(f"{REAL_FOLDER}/{cifar10.FILE.unpacked}"),
    reason="needs the official batches in the folder CNNLAB_DATA",
)
def test_real_batches_have_the_published_statistics(monkeypatch):
    monkeypatch.setenv("CNNLAB_DATA", REAL_FOLDER)
    (images, labels), test, _ = cifar10.load("local")
    assert images.shape == (50_000, 32, 32, 3)
    assert labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert np.bincount(labels).tolist() == [5000] * 10
    assert np.bincount(test[1]).tolist() == [1000] * 10
    mean = images.mean(axis=(0, 1, 2), dtype=np.float64)
    np.testing.assert_allclose(mean, [0.4914, 0.4822, 0.4465], atol=5e-5)
