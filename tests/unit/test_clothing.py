"""Clothing, from a made-up folder and archive, since no checksum is published."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from cnnlab.data import clothing, fetch, inventory, network, prefetch


def jpeg(colour):
    file = io.BytesIO()
    Image.new("RGB", (40, 24), colour).save(file, "JPEG", quality=95)
    return file.getvalue()


COUNTS = {
    f"{split}/{name}": count
    for split, count in (("train", 2), ("validation", 1), ("test", 1))
    for name in clothing.CLASSES
}
PHOTOGRAPHS = {
    f"{kind}/{number}{len(kind)}.jpg": jpeg((60 * number + 20, 90, 30))
    for kind, count in COUNTS.items()
    for number in range(count)
}


def pack(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{clothing.FILE.inside}/{name}", content)
    return packed.getvalue()


@pytest.fixture(autouse=True)
def published(monkeypatch, tmp_path):
    """Two photographs of each class to train, one to validate, one to test."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras_home"))
    monkeypatch.setattr(clothing, "COUNTS", COUNTS)
    monkeypatch.setattr(clothing, "NUM_TRAIN", 20)
    monkeypatch.setattr(clothing, "NUM_VAL", 10)
    monkeypatch.setattr(clothing, "NUM_TEST", 10)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """CNNLAB_DATA, with the photographs unpacked."""
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    unpacked = tmp_path / clothing.NAME
    for name, content in PHOTOGRAPHS.items():
        (unpacked / name).parent.mkdir(parents=True, exist_ok=True)
        (unpacked / name).write_bytes(content)
    return unpacked


@pytest.fixture
def server(monkeypatch):
    """What GitHub sends; a test may change it."""
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setattr(network, "require_network", lambda url: None)
    sent = [pack(PHOTOGRAPHS)]

    def retrieve(file, folder):
        path = fetch.Path(folder) / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sent[-1])

    monkeypatch.setattr(network, "_retrieve", retrieve)
    return sent


def test_counts_are_those_published():
    assert sum(clothing.PER_CLASS["train"]) == 3_068
    assert sum(clothing.PER_CLASS["validation"]) == 341
    assert sum(clothing.PER_CLASS["test"]) == 372
    assert {len(counts) for counts in clothing.PER_CLASS.values()} == {10}


def test_three_splits_come_as_squares(folder):
    train, val, test, info = clothing.load("local", size=16)
    assert train[0].shape == (20, 16, 16, 3)
    assert (len(val[0]), len(test[0])) == (10, 10)
    assert (train[0].dtype, train[1].dtype) == (np.float32, np.int64)
    assert sorted(train[1].tolist()) == sorted([*range(10), *range(10)])
    assert str(info) == "Clothing (local, 10 classes)"
    np.testing.assert_allclose(train[0][0, :, :, 0], 20 / 255, atol=0.02)
    bytes_, _ = clothing.load("local", size=16, num_train=3, dtype="uint8")[0]
    assert (bytes_.shape, bytes_.dtype) == ((3, 16, 16, 3), np.uint8)
    np.testing.assert_array_equal(np.rint(255 * train[0][:3]), bytes_)


def test_classes_are_mixed_so_that_the_first_few_are_of_many(folder):
    labels = clothing.load("local", size=8, num_train=10)[0][1]
    assert len(set(labels.tolist())) > 5


def test_folder_and_download_give_the_same(folder, server):
    local = clothing.load("local", size=8)
    download = clothing.load("download", size=8)
    for (images, labels), (others, other_labels) in zip(local[:3], download[:3]):
        np.testing.assert_array_equal(images, others)
        np.testing.assert_array_equal(labels, other_labels)
    assert local[-1].checksum == download[-1].checksum
    assert str(download[-1]) == "Clothing (download, 10 classes)"


def test_a_packed_archive_in_the_folder_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    (tmp_path / clothing.FILE.name).write_bytes(pack(PHOTOGRAPHS))
    assert len(clothing.load("local", size=8)[0][0]) == 20


def test_missing_photograph_is_counted(folder):
    next((folder / "test" / "hat").iterdir()).unlink()
    with pytest.raises(
        fetch.DataError, match="test/hat must hold 1 photo.*Received: 0"
    ):
        clothing.load("local")


@pytest.mark.parametrize(
    "content",
    [
        pack(PHOTOGRAPHS)[:-100],
        pack(PHOTOGRAPHS).replace(
            PHOTOGRAPHS["test/hat/08.jpg"][300:310], b"0123456789"
        ),
        b"<html>",
        pack(dict(list(PHOTOGRAPHS.items())[1:])),
        pack({**PHOTOGRAPHS, "test/hat/08.jpg": b"no photograph"}),
    ],
    ids=["cut short", "altered", "a page", "incomplete", "undecodable"],
)
def test_a_wrong_download_is_refused_and_not_kept(server, content):
    server.append(content)
    with pytest.raises(fetch.DataError, match=r"\w"):
        clothing.load("download", size=8)
    server.pop()
    assert len(clothing.load("download", size=8)[0][0]) == 20


def test_prefetch_brings_what_local_finds(server, tmp_path, monkeypatch):
    target = tmp_path / "new"
    paths = prefetch.prefetch(target, ["clothing"])
    assert paths == {"clothing": target / clothing.NAME}
    monkeypatch.setenv("CNNLAB_DATA", str(target))
    assert clothing.load("local", size=8)[-1].source == "local"
    server.append(b"not asked again")
    prefetch.prefetch(target, ["clothing"])


@pytest.mark.parametrize("content", [b"<html>", pack({"test/hat/08.jpg": b""})])
def test_prefetch_refuses_a_wrong_archive(server, tmp_path, content):
    server.append(content)
    with pytest.raises(fetch.DataError, match=clothing.NAME):
        prefetch.prefetch(tmp_path / "new", ["clothing"])
    assert list((tmp_path / "new").iterdir()) == []


def test_scenes_stand_in(capsys):
    train, val, test, info = clothing.load(size=8, num_train=4, num_val=3, num_test=2)
    assert info.name == "Scenes"
    assert [len(each[0]) for each in (train, val, test)] == [4, 3, 2]
    assert [len(each[1]) for each in (train, val, test)] == [4, 3, 2]
    assert not np.array_equal(train[0][:2], test[0])
    assert "CNNLAB_DATA is not set" in capsys.readouterr().out


def test_inventory_lists_clothing(folder):
    rows = {(row.dataset, row.source): row.state for row in inventory.available()}
    assert rows["clothing", "local"] == rows["clothing", "embedded"] == "ready"
    assert rows["clothing", "download"] == "absent"


def test_too_many_or_too_small_photographs_are_refused():
    for name, count in (("num_train", 21), ("num_val", 11), ("num_test", 11)):
        with pytest.raises(ValueError, match=f"`{name}` must lie between 1 and"):
            clothing.load(**{name: count})
    with pytest.raises(ValueError, match="at least 8 pixels. Received: 7"):
        clothing.load("embedded", size=7)
