"""Image folders: every photograph is there and decodes, or one error names the file."""

import dataclasses
import hashlib
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from cnnlab.data import fetch, flowers, hymenoptera, image_folders, inventory, network

COUNTS = {"train/ants": 3, "train/bees": 2, "val/ants": 1, "val/bees": 2}


def jpeg(width=40, height=24, colour=(200, 100, 50)):
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "JPEG", quality=95)
    return file.getvalue()


PHOTOGRAPHS = {
    f"{kind}/{number}{kind[-4]}.jpg": jpeg(colour=(60 * number, 90, 30))
    for kind, count in COUNTS.items()
    for number in range(count)
}


def pack(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"hymenoptera_data/{name}", content)
    return packed.getvalue()


@pytest.fixture
def packed(monkeypatch):
    """A small archive, published with its checksum, and more in it than photographs."""
    content = pack(
        {**PHOTOGRAPHS, "train/ants/imageNotFound.gif": b"GIF", "x.jpg": b""}
    )
    checksum = f"sha256:{hashlib.sha256(content).hexdigest()}"
    file = dataclasses.replace(hymenoptera.FILE, checksum=checksum)
    monkeypatch.setattr(hymenoptera, "FILE", file)
    monkeypatch.setattr(hymenoptera, "COUNTS", COUNTS)
    monkeypatch.setattr(hymenoptera, "NUM_TRAIN", 5)
    monkeypatch.setattr(hymenoptera, "NUM_VAL", 3)
    return content


@pytest.fixture
def folder(packed, tmp_path, monkeypatch):
    """CNNLAB_DATA, with the photographs unpacked."""
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    unpacked = tmp_path / "hymenoptera_data"
    for name, content in PHOTOGRAPHS.items():
        (unpacked / name).parent.mkdir(parents=True, exist_ok=True)
        (unpacked / name).write_bytes(content)
    return unpacked


def test_photograph_becomes_the_square_in_its_middle():
    picture = np.zeros((20, 60, 3), "uint8")
    picture[:, 20:40] = 255
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    image = image_folders.crop_square(file.getvalue(), 10, "middle.png")
    assert image.shape == (10, 10, 3)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image[:, 1:-1], 255)
    assert image.min() > 200  # the border is mixed with what lies beyond it


def test_grey_photograph_gets_three_channels():
    file = io.BytesIO()
    Image.new("L", (9, 9), 51).save(file, "PNG")
    image = image_folders.crop_square(file.getvalue(), 9, "grey.png")
    np.testing.assert_array_equal(image, np.full((9, 9, 3), 51))


@pytest.mark.parametrize("content", [b"", b"no picture", jpeg()[:300]])
def test_damaged_photograph_is_one_clear_error(content):
    with pytest.raises(fetch.DataError, match="bee.jpg cannot be used as a photogr"):
        image_folders.crop_square(content, 8, "bee.jpg")


def test_folder_and_archive_give_the_same_photographs(folder, packed, tmp_path):
    file = hymenoptera.FILE
    (tmp_path / file.name).write_bytes(packed)
    unpacked = image_folders.read(folder, file, COUNTS)
    assert unpacked == PHOTOGRAPHS
    assert unpacked == image_folders.read(tmp_path / file.name, file, COUNTS)
    assert [name for name in unpacked if name.startswith("train/")] == [
        "train/ants/0a.jpg",
        "train/bees/0b.jpg",
        "train/ants/1a.jpg",
        "train/bees/1b.jpg",
        "train/ants/2a.jpg",
    ]


def test_missing_photograph_is_counted(folder):
    (folder / "val" / "bees" / "1b.jpg").unlink()
    with pytest.raises(
        fetch.DataError, match=r"val/bees must hold 2 photographs.*Received: 1"
    ):
        hymenoptera.load("local")


def test_damaged_archive_is_found_before_it_is_opened(packed, tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    (tmp_path / "hymenoptera_data.zip").write_bytes(packed[:-1])
    monkeypatch.setattr(zipfile, "ZipFile", None)  # a call would fail otherwise
    with pytest.raises(fetch.DataError, match="hymenoptera_data.zip is damaged"):
        hymenoptera.load("local")


# Ants and bees


def test_ants_and_bees_come_mixed_and_as_squares(folder):
    train, val, info = hymenoptera.load("local", size=16)
    assert train[0].shape == (5, 16, 16, 3)
    assert train[0].dtype == np.float32
    assert train[1].tolist() == [0, 1, 0, 1, 0]
    assert val[1].dtype == np.int64
    assert str(info) == "Ants and bees (local, 2 classes)"
    np.testing.assert_allclose(train[0][2, :, :, 0], 60 / 255, atol=0.02)


def test_only_as_many_as_wanted_are_decoded(folder):
    (folder / "train" / "ants" / "2a.jpg").write_bytes(b"damaged")
    train, val, _ = hymenoptera.load("local", 8, num_train=4, num_val=1)
    assert (len(train[0]), len(val[0])) == (4, 1)
    with pytest.raises(fetch.DataError, match=r"train/ants/2a.jpg cannot be used"):
        hymenoptera.load("local", 8)


def test_unreadable_photograph_is_named(folder):
    path = folder / "train" / "ants" / "2a.jpg"
    path.unlink()
    path.mkdir()
    with pytest.raises(fetch.DataError, match=r"2a.jpg cannot be used.*directory"):
        hymenoptera.load("local", 8)


def test_damaged_photograph_is_passed_over_by_auto_and_the_line_says_so(folder, capsys):
    (folder / "val" / "ants" / "0a.jpg").write_bytes(jpeg()[:300])
    _, val, info = hymenoptera.load(size=32, num_train=4, num_val=3)
    assert capsys.readouterr().out == (
        "Data: Scenes (embedded, 10 classes), since 0a.jpg is damaged, and "
        "CNNLAB_OFFLINE=1 forbids downloads.\n"
    )
    assert val[0].shape == (3, 32, 32, 3)


def test_too_many_or_too_small_photographs_are_refused():
    with pytest.raises(ValueError, match="num_train.*244. Received: num_train=245"):
        hymenoptera.load(num_train=245)
    with pytest.raises(ValueError, match="at least 8 pixels. Received: 7"):
        hymenoptera.load("embedded", size=7)


def test_download_is_kept_in_the_cache_of_keras(packed, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("CNNLAB_OFFLINE")

    def bring(file, folder):
        folder.mkdir()
        (folder / file.name).write_bytes(packed)

    monkeypatch.setattr(network, "require_network", lambda url: None)
    monkeypatch.setattr(network, "_retrieve", bring)
    for _ in range(2):
        train, _, info = hymenoptera.load("download", 8)
        assert str(info) == "Ants and bees (download, 2 classes)"
        assert len(train[0]) == 5
        monkeypatch.setattr(network, "_retrieve", None)  # not asked again
    monkeypatch.setenv("CNNLAB_OFFLINE", "1")
    with pytest.raises(fetch.AbsentError, match="forbids downloads"):
        hymenoptera.load("download", 8)


def test_available_tells_ready_from_incomplete_and_damaged(folder):
    def state(verify):
        rows = inventory.available(verify)
        return {(row.dataset, row.source): row.state for row in rows}

    assert state(True)["hymenoptera", "local"] == "ready"
    assert state(True)["hymenoptera", "embedded"] == "ready"
    assert state(True)["flowers", "download"] == "absent"
    path = folder / "val" / "ants" / "0a.jpg"
    path.write_bytes(jpeg()[:300])
    assert state(False)["hymenoptera", "local"] == "ready"
    assert state(True)["hymenoptera", "local"] == "damaged"
    path.unlink()
    assert state(False)["hymenoptera", "local"] == "damaged"


# Flowers


@pytest.fixture
def datasets(tmp_path, monkeypatch):
    """TensorFlow Datasets, mocked: ten flowers, packed as JPEG."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(network, "require_network", lambda url: None)
    monkeypatch.setattr(flowers, "NUM_PHOTOGRAPHS", 10)
    files = [jpeg(colour=(25 * number, 0, 0)) for number in range(10)]

    def as_dataset(builder, split, decoders, **options):
        assert list(decoders) == ["image"]
        rows = {"image": files, "label": tf.range(len(files), dtype=tf.int64) % 5}
        return tf.data.Dataset.from_tensor_slices(rows)

    with tfds.testing.mock_data(as_dataset_fn=as_dataset):
        yield files


def test_every_fifth_flower_is_for_validation(datasets):
    train, val, info = flowers.load("download", 16)
    assert train[1].tolist() == [1, 2, 3, 4, 1, 2, 3, 4]
    assert val[1].tolist() == [0, 0]
    assert val[0].shape == (2, 16, 16, 3)
    np.testing.assert_allclose(val[0][1, :, :, 0], 125 / 255, atol=0.02)
    assert str(info) == "Flowers (download, 5 classes)"
    assert info.checksum.startswith("sha256:4c54ace7911aaffe13a3")


def test_damaged_flower_is_named(datasets):
    datasets[3] = b"damaged"
    with pytest.raises(fetch.DataError, match="tf_flowers, number 3 cannot be used"):
        flowers.load("download", 16)
    train, _, _ = flowers.load("download", 16, num_train=2, num_val=1)
    assert len(train[0]) == 2


def test_cache_that_lacks_flowers_is_refused(datasets):
    del datasets[8:]
    with pytest.raises(fetch.DataError, match="could not load flowers: its cache la"):
        flowers.load("download", 16)


def test_scenes_stand_in_for_flowers(capsys):
    train, _, info = flowers.load(size=32, num_train=3, num_val=2)
    assert info.name == "Scenes"
    assert train[0].shape == (3, 32, 32, 3)
    with pytest.raises(ValueError, match="num_val.*734"):
        flowers.load(num_val=735)
