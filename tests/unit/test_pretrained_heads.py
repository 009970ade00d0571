"""Heads: the right columns of a verified file, by name or by position."""

import dataclasses
import hashlib
import io
import zipfile

import h5py
import numpy as np
import pytest

from cnnlab.data import fetch, inventory, network, prefetch, pretrained

NAMES = ["bee", "crane", "ant", "crane"]
KERNEL = np.arange(12, dtype="float32").reshape(3, 4)  # 3 features, 4 old classes
BIAS = np.array([5, 6, 7, 8], "float32")
NAME = "MobileNet 0.75"


def weights(kernel, bias, before="conv_preds/conv_preds"):
    """Returns the bytes of a file of weights with a head and another layer."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["conv_1/conv_1/kernel"] = np.ones((3, 3, 2, 3), "float32")
        file[f"{before}/bias"] = bias
        file[f"{before}/kernel"] = kernel
    return content.getvalue()


def sha256(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture(autouse=True)
def published(monkeypatch, tmp_path):
    """Small files in place of the published ones, and an empty cache of Keras."""
    content = weights(KERNEL.reshape(1, 1, 3, 4), BIAS)
    toy = dataclasses.replace(pretrained.HEADS[NAME], checksum=sha256(content))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras_home"))
    monkeypatch.setattr(pretrained, "HEADS", {NAME: toy})
    monkeypatch.setattr(pretrained, "class_names", lambda: NAMES)
    return {toy.name: content}


def put(folder, contents):
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def test_columns_come_in_the_order_of_the_classes(
    published, tmp_path, monkeypatch, capsys
):
    put(tmp_path / "keras/models", published)
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    (kernel, bias), info = pretrained.load_head("auto", NAME, ["ant", "bee"])
    np.testing.assert_array_equal(kernel, KERNEL[:, [2, 0]])
    np.testing.assert_array_equal(bias, [7, 5])
    assert kernel.dtype == bias.dtype == "float32"
    assert info.classes == ("ant", "bee")
    assert info.checksum == pretrained.HEADS[NAME].checksum
    line = "Head: MobileNet 0.75 (local, 2 classes), since a local folder holds it.\n"
    assert capsys.readouterr().out == line


def test_a_class_may_be_named_by_its_position(published):
    put(network.find_cache("models"), published)
    (kernel, bias), info = pretrained.load_head("local", NAME, [3, "bee"])
    np.testing.assert_array_equal(kernel, KERNEL[:, [3, 0]])
    np.testing.assert_array_equal(bias, [8, 5])
    assert info.classes == ("crane", "bee")


@pytest.mark.parametrize(
    ("wanted", "received"),
    [
        ("ants", "'ants'$"),
        ("crane", r"'crane', which stands at \[1, 3\]$"),
        (4, "4$"),
        (-1, "-1$"),
    ],
)
def test_each_class_must_be_one_old_class(published, wanted, received):
    put(network.find_cache("models"), published)
    message = "must be names that one old class has, or positions below 4. Received: "
    with pytest.raises(ValueError, match=message + received):
        pretrained.load_head("local", NAME, [wanted])


def test_a_head_that_is_not_there_is_named(published):
    with pytest.raises(fetch.AbsentError, match="must hold mobilenet_7_5_224_tf.h5;"):
        pretrained.load_head("local", NAME, ["ant"])
    with pytest.raises(fetch.AbsentError, match="CNNLAB_OFFLINE=1 forbids"):
        pretrained.load_head("download", NAME, ["ant"])


def test_a_damaged_file_is_never_used(published):
    [name] = published
    put(network.find_cache("models"), {name: b"damaged"})
    with pytest.raises(fetch.DataError, match=f"{name} is damaged or not the off"):
        pretrained.load_head("local", NAME, ["ant"])


def test_only_listed_heads_can_be_had():
    message = "no head of EfficientNet-B0 is listed: use one of MobileNet 0.75 and Eff"
    with pytest.raises(fetch.AbsentError, match=message):
        pretrained.load_head("auto", "EfficientNet-B0", ["ant"])
    with pytest.raises(ValueError, match="`name` must be one of .*Received: 'ResNet'"):
        pretrained.load_head("auto", "ResNet", ["ant"])
    with pytest.raises(ValueError, match='must be one of "auto", "embedded". Received'):
        pretrained.load_head("local", pretrained.EMBEDDED, ["bird"])


def test_embedded_head_has_the_classes_of_its_card(tmp_path, monkeypatch):
    path = tmp_path / pretrained.EMBEDDED_FILE
    with zipfile.ZipFile(path, "w") as archive:
        layer = weights(KERNEL, BIAS, "layers/dense")
        archive.writestr("model.weights.h5", layer)
    card = f"| SHA-256 | `{sha256(path.read_bytes())[7:]}` |\n"
    card += "| classes | bird, cat, ship, truck |\n"
    path.with_suffix(".md").write_text(card)
    monkeypatch.setattr(pretrained, "CHECKPOINTS", tmp_path)
    (kernel, bias), info = pretrained.load_head(
        "auto", pretrained.EMBEDDED, ["ship", "bird"]
    )
    np.testing.assert_array_equal(kernel, KERNEL[:, [2, 0]])
    np.testing.assert_array_equal(bias, [7, 5])
    assert str(info) == "EfficientNet small (embedded, 2 classes)"


def test_committed_head_is_read():
    classes = ["automobile", "bird", "ship"]
    (kernel, bias), info = pretrained.load_head(
        "embedded", pretrained.EMBEDDED, classes
    )
    assert (kernel.shape, bias.shape) == ((768, 3), (3,))
    assert info.classes == ("automobile", "bird", "ship")


def test_prefetch_brings_heads_where_local_finds_them(published, tmp_path, monkeypatch):
    def bring(file, folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_bytes(published[file.name])

    monkeypatch.setattr(network, "require_network", lambda url: None)
    monkeypatch.setattr(network, "_retrieve", bring)
    monkeypatch.delenv("CNNLAB_OFFLINE")
    prefetch.prefetch(tmp_path, ["MobileNet 0.75, head"])
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    assert pretrained.load_head("local", NAME, ["ant"])[1].source == "local"


def test_inventory_lists_heads(published):
    put(network.find_cache("models"), published)
    rows = {(row.dataset, row.source): row.state for row in inventory.available()}
    assert rows["MobileNet 0.75, head", "local"] == "ready"
