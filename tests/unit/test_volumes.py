"""Volumes: verified, split without overlap, and clear errors."""

import dataclasses
import hashlib
import io
import pickle

import numpy as np
import pytest
import toys

from cnnlab.data import (
    adrenalmnist3d,
    fetch,
    inventory,
    modelnet10,
    network,
    prefetch,
    solids,
)


def pack(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def organs():
    """A small archive in MedMNIST's layout: volume `i` of a split is all `i`."""
    arrays = {}
    for split, count in (("train", 6), ("val", 3), ("test", 4)):
        filled = np.arange(count, dtype="uint8")[:, None, None, None]
        arrays[f"{split}_images"] = np.broadcast_to(filled, (count, 4, 4, 4)) * 51
        arrays[f"{split}_labels"] = (np.arange(count) % 2).astype("uint8")[:, None]
    return arrays


def furniture():
    """A small archive of voxels, classes in a row: object `i` has `i` full voxels."""
    full = np.arange(64).reshape(4, 4, 4) < np.arange(40)[:, None, None, None]
    return {
        "X_train": full.astype("int32"),
        "X_test": full[:10].astype("int32"),
        "y_train": np.repeat(np.arange(10), 4),
        "y_test": np.arange(10),
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """CNNLAB_DATA, with both small archives."""
    content = pack(**organs())
    small = dataclasses.replace(
        adrenalmnist3d.FILE,
        checksum=f"md5:{hashlib.md5(content, usedforsecurity=False).hexdigest()}",
    )
    monkeypatch.setattr(adrenalmnist3d, "FILE", small)
    for loader, archive in ((adrenalmnist3d, organs()), (modelnet10, furniture())):
        shapes = {key: array.shape for key, array in archive.items()}
        monkeypatch.setattr(loader, "SHAPES", shapes)
    monkeypatch.setattr(modelnet10, "NUM_TRAIN", 30)
    monkeypatch.setattr(modelnet10, "NUM_VAL", 10)
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    (tmp_path / "adrenalmnist3d.npz").write_bytes(content)
    (tmp_path / "modelnet10.npz").write_bytes(pack(**furniture()))
    return tmp_path


def test_organs_are_the_published_splits_scaled_to_one(folder, capsys):
    train, val, test, info = adrenalmnist3d.load()
    for (values, labels), count in ((train, 6), (val, 3), (test, 4)):
        assert values.shape == (count, 4, 4, 4, 1)
        assert (values.dtype, labels.dtype) == (np.float32, np.int64)
        np.testing.assert_allclose(values[:, 0, 0, 0, 0], np.arange(count) / 5)
        np.testing.assert_array_equal(labels, np.arange(count) % 2)
    assert info.classes == ("normal", "hyperplasia")
    assert info.checksum == adrenalmnist3d.FILE.checksum
    assert "AdrenalMNIST3D (local, 2 classes)" in capsys.readouterr().out


def test_the_checksum_is_the_published_one():
    checksum = adrenalmnist3d.FILE.checksum
    assert checksum == "md5:bbd3c5a5576322bc4cdfea780653b1ce"
    assert adrenalmnist3d.FILE.name == "adrenalmnist3d.npz"


def test_furniture_validates_on_a_share_of_every_class_and_mixes_the_rest(folder):
    train, val, test, info = modelnet10.load("local")
    np.testing.assert_array_equal(val[1], np.arange(10))
    np.testing.assert_array_equal(np.bincount(train[1]), [3] * 10)
    full = [part[0].sum(axis=(1, 2, 3, 4)).tolist() for part in (train, val)]
    assert sorted(full[0] + full[1]) == list(range(40))
    for counts, labels in zip(full, (train[1], val[1]), strict=True):
        np.testing.assert_array_equal(np.array(counts) // 4, labels)
    assert np.abs(np.diff(train[1])).sum() > 9  # classes are not in a row
    assert len(test[1]) == 10
    assert info.name == "ModelNet10"
    assert info.classes[2] == "chair"


@pytest.mark.parametrize("loader", [adrenalmnist3d, modelnet10])
def test_the_first_training_volumes_are_loaded(folder, loader):
    few, many = (loader.load("local", count)[0] for count in (4, 6))
    np.testing.assert_array_equal(few[0], many[0][:4])
    np.testing.assert_array_equal(few[1], many[1][:4])


def test_a_damaged_file_is_named_and_solids_stand_in(folder, capsys, monkeypatch):
    monkeypatch.setattr(solids, "NUM_VAL", 8)
    monkeypatch.setattr(solids, "NUM_TEST", 8)
    (folder / "adrenalmnist3d.npz").write_bytes(b"half")
    with pytest.raises(fetch.DataError, match=r"adrenalmnist3d.npz is damaged.*md5"):
        adrenalmnist3d.load("local")
    *_, info = adrenalmnist3d.load(num_train=6)
    assert info.name == "Solids"
    assert "is damaged" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04half",
        pack(X_train=np.zeros((2, 4, 4, 4)), y_train=np.zeros(2)),
        pack(**{**furniture(), "X_test": np.zeros((3, 4, 4, 4))}),
        pack(**{**furniture(), "y_test": np.array([{}] * 10, object)}),
        pickle.dumps({}),
    ],
    ids=["cut", "incomplete", "shape", "pickle inside", "pickle"],
)
def test_an_archive_of_something_else_is_refused(folder, content):
    (folder / "modelnet10.npz").write_bytes(content)
    message = r"modelnet10.npz must hold arrays of .*X_train.*Received"
    with pytest.raises(fetch.DataError, match=message):
        modelnet10.load("local")


def test_absent_furniture_says_where_it_comes_from(folder):
    (folder / "modelnet10.npz").unlink()
    with pytest.raises(fetch.AbsentError, match=r"modelnet.cs.princeton.edu"):
        modelnet10.load("local")


def test_an_absent_organ_says_how_to_get_it(folder):
    (folder / "adrenalmnist3d.npz").unlink()
    message = r"must hold adrenalmnist3d.npz; `cnnlab prefetch`"
    with pytest.raises(fetch.AbsentError, match=message):
        adrenalmnist3d.load("local")
    with pytest.raises(fetch.AbsentError, match="CNNLAB_OFFLINE=1 forbids"):
        adrenalmnist3d.load("download")


@pytest.fixture
def online(folder, monkeypatch):
    """A server that publishes the small archive, and nothing else can be reached."""
    content = (folder / "adrenalmnist3d.npz").read_bytes()
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("KERAS_HOME", str(folder / "cache"))
    with toys.serve() as server:
        server.content = content
        url = server.url.replace("toys.tar", "adrenalmnist3d.npz?download=1")
        file = dataclasses.replace(adrenalmnist3d.FILE, url=url)
        monkeypatch.setattr(adrenalmnist3d, "FILE", file)
        yield server


def test_a_download_is_verified_and_kept(online, folder):
    assert adrenalmnist3d.load("download")[-1].source == "download"
    kept = network.find_cache("datasets") / "adrenalmnist3d.npz"
    assert kept.read_bytes() == online.content
    adrenalmnist3d.load("download")
    assert online.num_requests == 1


def test_prefetch_brings_the_organs(online, tmp_path):
    prefetch.prefetch(tmp_path / "new", ["adrenalmnist3d"])
    assert (tmp_path / "new" / "adrenalmnist3d.npz").read_bytes() == online.content
    prefetch.prefetch(tmp_path / "new", ["adrenalmnist3d"])
    assert online.num_requests == 1


def test_the_inventory_tells_what_is_there_and_what_is_damaged(folder):
    def states(verify):
        rows = inventory.available(verify)
        return {(row.dataset, row.source): row.state for row in rows}

    (folder / "adrenalmnist3d.npz").write_bytes(b"half")
    (folder / "modelnet10.npz").unlink()
    assert states(verify=False)["adrenalmnist3d", "local"] == "ready"
    assert states(verify=True)["adrenalmnist3d", "local"] == "damaged"
    assert states(verify=True)["adrenalmnist3d", "download"] == "absent"
    assert states(verify=False)["modelnet10", "local"] == "absent"
    assert states(verify=False)["solids", "embedded"] == "ready"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_train": 1_189}, "`num_train` must lie between 1 and 1188"),
        ({"source": "web"}, "`source` must be one of"),
    ],
)
def test_errors_state_the_rule_and_what_came(arguments, message):
    with pytest.raises(ValueError, match=message):
        adrenalmnist3d.load(**arguments)
