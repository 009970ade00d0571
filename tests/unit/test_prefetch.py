"""Prefetch: an offline folder is filled whole, and nothing wrong gets in."""

import os
import shutil
import tarfile
from types import SimpleNamespace

import pytest
import toys
from toys import FILES, describe, md5, pack

from cnnlab.data import fetch, prefetch


def check(folder, verify):
    for name, content in FILES.items():
        fetch.read(folder / name, md5(content))


@pytest.fixture
def online(monkeypatch):
    """A server of the toys' archive, the only host that the test can reach."""
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with toys.serve() as server:
        publish(toys.PACKED, server.url, monkeypatch)
        yield server


def publish(packed, url, monkeypatch):
    dataset = SimpleNamespace(FILE=describe(packed, url), check=check)
    monkeypatch.setattr(prefetch, "ARCHIVES", {"toys": dataset})
    monkeypatch.setattr(prefetch, "list_published", lambda: {"toys": dataset.FILE})


def test_prefetch_fills_a_folder_that_local_reads(online, tmp_path, monkeypatch):
    paths = prefetch.prefetch(tmp_path / "new", ["toys"])
    assert paths == {"toys": tmp_path / "new" / "toys"}
    assert os.listdir(tmp_path / "new") == ["toys"]
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "new"))
    folder = fetch.find_local(prefetch.list_published()["toys"])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES


def test_prefetch_leaves_alone_what_is_there(online, tmp_path, monkeypatch):
    toys.fill(tmp_path)
    monkeypatch.setenv("CNNLAB_OFFLINE", "1")
    prefetch.prefetch(tmp_path)
    assert not online.num_requests


def test_prefetch_repairs_what_is_damaged(online, tmp_path):
    toys.fill(tmp_path)
    (tmp_path / "toys" / "one").write_bytes(b"damaged")
    (tmp_path / "toys" / "notes").write_bytes(b"of the teacher")
    prefetch.prefetch(tmp_path)
    assert (tmp_path / "toys" / "one").read_bytes() == FILES["one"]
    assert (tmp_path / "toys" / "notes").read_bytes() == b"of the teacher"


def test_prefetch_unpacks_an_archive_that_is_there(online, tmp_path):
    (tmp_path / "toys.tar").write_bytes(toys.PACKED)
    prefetch.prefetch(tmp_path)
    assert not online.num_requests
    assert sorted(os.listdir(tmp_path)) == ["toys", "toys.tar"]


def test_a_cut_download_leaves_nothing(online, tmp_path):
    online.cut = 9000
    with pytest.raises(fetch.DataError, match="failed, and nothing of it was kept"):
        prefetch.prefetch(tmp_path)
    assert os.listdir(tmp_path) == []


def test_an_archive_cannot_write_outside_its_folder(online, tmp_path, monkeypatch):
    members = {f"toys/{name}": content for name, content in FILES.items()}
    online.content = pack({"../evil": b"", **members})
    publish(online.content, online.url, monkeypatch)
    with pytest.raises(tarfile.OutsideDestinationError):
        prefetch.prefetch(tmp_path / "inside")
    assert os.listdir(tmp_path) == ["inside"]
    assert os.listdir(tmp_path / "inside") == []


def test_offline_forbids_prefetch(tmp_path):
    with pytest.raises(fetch.DataError, match="CNNLAB_OFFLINE=1 forbids"):
        prefetch.prefetch(tmp_path)
    assert os.listdir(tmp_path) == []


def test_prefetch_of_an_unknown_dataset_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match="must be among .*'cifar10', 'clothing', 'hymen"
    ):
        prefetch.prefetch(tmp_path, ["digits"])


def test_prefetch_into_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(fetch.DataError, match="cannot be written"):
        prefetch.prefetch(tmp_path / "file")


def test_prefetch_finds_the_home_folder_and_makes_none_called_tilde(
    online, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert prefetch.prefetch("~/new") == {"toys": tmp_path / "new" / "toys"}
    with pytest.raises(fetch.DataError, match="give the path in full"):
        prefetch.prefetch("~no_such_user/new")
    assert os.listdir(tmp_path) == ["new"]


def test_full_disk_while_unpacking_leaves_no_half_folder(online, tmp_path, monkeypatch):
    def unpack(path, folder, **options):
        (fetch.Path(folder) / "toys").mkdir()
        (fetch.Path(folder) / "toys" / "one").write_bytes(FILES["one"][:99])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "unpack_archive", unpack)
    with pytest.raises(fetch.DataError, match="cannot be written: No space left"):
        prefetch.prefetch(tmp_path)
    assert os.listdir(tmp_path) == []
