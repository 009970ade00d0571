"""Weights of backbones: verified before they are opened, and from where they should."""

import dataclasses
import hashlib

import pytest

from cnnlab.data import fetch, inventory, network, prefetch, pretrained

CONTENT = {name: name.encode() * 50 for name in pretrained.BACKBONES}


@pytest.fixture(autouse=True)
def published(monkeypatch, tmp_path):
    """Small files in place of the published ones, and an empty cache of Keras."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras_home"))
    weights = {
        name: dataclasses.replace(
            pretrained.BACKBONES[name],
            checksum=f"sha256:{hashlib.sha256(content).hexdigest()}",
        )
        for name, content in CONTENT.items()
    }
    monkeypatch.setattr(pretrained, "BACKBONES", weights)
    monkeypatch.setattr(pretrained, "CHECKPOINTS", tmp_path)
    embed(tmp_path, b"small")
    return weights


def embed(folder, content, stated=b"small"):
    (folder / pretrained.EMBEDDED_FILE).write_bytes(content)
    card = (folder / pretrained.EMBEDDED_FILE).with_suffix(".md")
    card.write_text(f"| SHA-256 | `{hashlib.sha256(stated).hexdigest()}` |\n")


def put(folder, name, content=None):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / pretrained.BACKBONES[name].name
    path.write_bytes(CONTENT[name] if content is None else content)
    return path


def test_best_network_of_a_local_folder_is_taken_and_the_line_says_so(
    tmp_path, monkeypatch, capsys
):
    put(tmp_path / "keras/models", "MobileNetV2 0.35")
    expected = put(tmp_path / "keras/models", "MobileNet 0.75")
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    path, info = pretrained.load()
    assert path == expected
    assert info.name == "MobileNet 0.75"
    assert info.checksum == pretrained.BACKBONES["MobileNet 0.75"].checksum
    assert capsys.readouterr().out == (
        "Backbone: MobileNet 0.75 (local), since a local folder holds it.\n"
    )


def test_cache_of_keras_is_a_local_folder_too(tmp_path):
    expected = put(network.find_cache("models"), "EfficientNet-B0")
    assert pretrained.load("local")[0] == expected
    with pytest.raises(fetch.AbsentError, match="must hold mobilenet_7_5.*prefetch"):
        pretrained.load("local", "MobileNet 0.75")


def test_embedded_weights_take_their_place(capsys):
    path, info = pretrained.load()
    assert path.name == pretrained.EMBEDDED_FILE
    assert info.name == "EfficientNet small"
    assert capsys.readouterr().out == (
        "Backbone: EfficientNet small (embedded), since no local folder holds ImageNet "
        "weights, and CNNLAB_OFFLINE=1 forbids downloads.\n"
    )


def test_damaged_weights_are_never_used(tmp_path, monkeypatch, capsys):
    path = put(network.find_cache("models"), "EfficientNet-B0", b"damaged")
    with pytest.raises(fetch.DataError, match=f"{path} is damaged or not the offic"):
        pretrained.load("local")
    assert pretrained.load()[1].name == "EfficientNet small"
    assert "efficientnetb0_notop.h5 is damaged" in capsys.readouterr().out


def test_embedded_weights_must_be_those_of_their_card(tmp_path):
    embed(tmp_path, b"other")
    with pytest.raises(fetch.DataError, match="is damaged.*git checkout"):
        pretrained.load("embedded")
    (tmp_path / pretrained.EMBEDDED_FILE).with_suffix(".md").unlink()
    with pytest.raises(fetch.DataError, match="must state the checksum"):
        pretrained.load("embedded")


def test_download_ends_in_the_cache_of_keras(monkeypatch):
    monkeypatch.delenv("CNNLAB_OFFLINE")

    def bring(file, folder):
        folder.mkdir(parents=True)
        (folder / file.name).write_bytes(CONTENT["EfficientNet-B0"])

    monkeypatch.setattr(network, "require_network", lambda url: None)
    monkeypatch.setattr(network, "_retrieve", bring)
    path, info = pretrained.load("download")
    assert path == network.find_cache("models") / "efficientnetb0_notop.h5"
    assert str(info) == "EfficientNet-B0 (download)"
    assert pretrained.load("local")[0] == path


def test_unknown_network_and_source_are_refused():
    with pytest.raises(ValueError, match=r"one of \['EfficientNet-B0'.*'ResNet'"):
        pretrained.load(name="ResNet")
    with pytest.raises(ValueError, match='"local", "download", "embedded"'):
        pretrained.load("internet")


def test_prefetch_brings_weights_where_local_finds_them(tmp_path, monkeypatch):
    def bring(file, folder):
        [name] = [n for n in CONTENT if pretrained.BACKBONES[n].name == file.name]
        folder.mkdir(parents=True)
        (folder / file.name).write_bytes(CONTENT[name])

    monkeypatch.setattr(network, "require_network", lambda url: None)
    monkeypatch.setattr(network, "_retrieve", bring)
    monkeypatch.delenv("CNNLAB_OFFLINE")
    prefetch.prefetch(tmp_path, ["MobileNet 0.75"])
    monkeypatch.setenv("CNNLAB_OFFLINE", "1")
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    assert pretrained.load("local")[1].name == "MobileNet 0.75"
    monkeypatch.setattr(network, "_retrieve", None)  # what is right is left alone
    prefetch.prefetch(tmp_path, ["MobileNet 0.75"])


def test_inventory_lists_data_and_backbones(tmp_path):
    put(network.find_cache("models"), "MobileNet 0.75")
    put(network.find_cache("models"), "MobileNetV2 0.35", b"damaged")
    rows = {(row.dataset, row.source): row.state for row in inventory.available()}
    assert rows["MobileNet 0.75", "local"] == "ready"
    assert rows["MobileNetV2 0.35", "local"] == "damaged"
    assert rows["EfficientNet-B0", "download"] == "absent"
    assert rows["EfficientNet small", "embedded"] == "ready"
    assert rows["cifar10", "embedded"] == rows["hymenoptera", "embedded"] == "ready"
