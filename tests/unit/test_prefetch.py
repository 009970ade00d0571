"""Prefetch: an offline folder is filled whole, or as far as it went, never wrongly."""

import errno
import io
import os
from pathlib import Path

import pytest
import toys
from toys import FILES, describe, pack

from cnnlab.data import fetch, prefetch


@pytest.fixture
def online(monkeypatch):
    """A server of the toys' archive, the only host that the test can reach."""
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(fetch, "BLOCK_BYTES", 1000)
    with toys.serve() as server:
        archive = describe(toys.PACKED, server.url)
        monkeypatch.setattr(prefetch, "published", lambda: {"toys": archive})
        yield server


def test_prefetch_fills_a_folder_that_local_reads(online, tmp_path, monkeypatch):
    paths = prefetch.prefetch(tmp_path / "new", ["toys"])
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "new"))
    assert paths == {"toys": tmp_path / "new" / "toys"}
    assert dict(fetch.read_local(prefetch.published()["toys"], FILES)) == FILES
    assert os.listdir(tmp_path / "new") == ["toys"]


def test_prefetch_reports_progress(online, tmp_path):
    steps = []
    prefetch.prefetch(tmp_path, progress=lambda *step: steps.append(step))
    assert steps[0] == ("toys.tar", 1000, len(toys.PACKED))
    assert steps[-1] == ("toys.tar", len(toys.PACKED), len(toys.PACKED))


def test_prefetch_leaves_alone_what_is_there(online, tmp_path, monkeypatch):
    toys.fill(tmp_path)
    monkeypatch.setenv("CNNLAB_OFFLINE", "1")
    prefetch.prefetch(tmp_path)
    assert not online.asked


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
    assert not online.asked
    assert sorted(os.listdir(tmp_path)) == ["toys", "toys.tar"]


@pytest.mark.parametrize("ranges", [True, False])
def test_prefetch_goes_on_after_a_cut(online, tmp_path, ranges):
    online.cut, online.ranges = 9000, ranges
    with pytest.raises(fetch.DataError, match="stopped: 9000 of .* bytes arrived"):
        prefetch.prefetch(tmp_path)
    assert os.listdir(tmp_path) == ["toys.tar.part"]
    online.cut = None
    prefetch.prefetch(tmp_path)
    assert online.asked == [None, "bytes=9000-"]
    assert (tmp_path / "toys" / "two").read_bytes() == FILES["two"]


def test_a_wrong_file_that_arrives_is_removed(online, tmp_path):
    online.content = toys.PACKED[:-1] + b"!"
    with pytest.raises(fetch.DataError, match="damaged or not the official file"):
        prefetch.prefetch(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_login_page_is_not_taken_for_the_archive(online, tmp_path):
    online.content = b"<html>Welcome to our hotel"
    with pytest.raises(fetch.DataError, match="must offer .* bytes. Received: 26"):
        prefetch.prefetch(tmp_path)
    assert os.listdir(tmp_path) == []


def test_an_archive_cannot_write_outside_its_folder(online, tmp_path, monkeypatch):
    members = {f"toys/{name}": content for name, content in FILES.items()}
    online.content = pack({"../evil": b"", "toys/../../evil": b"", **members})
    archive = describe(online.content, online.url)
    monkeypatch.setattr(prefetch, "published", lambda: {"toys": archive})
    prefetch.prefetch(tmp_path / "inside")
    assert os.listdir(tmp_path) == ["inside"]
    assert sorted(os.listdir(tmp_path / "inside" / "toys")) == ["one", "two"]


def test_offline_forbids_prefetch(tmp_path, monkeypatch):
    with pytest.raises(fetch.DataError, match="CNNLAB_OFFLINE=1 forbids"):
        prefetch.prefetch(tmp_path)
    assert os.listdir(tmp_path) == []


def test_prefetch_of_an_unknown_dataset_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must be among .*'cifar10', 'hymenoptera'"):
        prefetch.prefetch(tmp_path, ["digits"])


def test_prefetch_into_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(fetch.DataError, match="cannot be written"):
        prefetch.prefetch(tmp_path / "file")


def test_too_small_a_disk_is_seen_before_the_download(online, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda path: Usage(10**4))
    with pytest.raises(fetch.DataError, match="no space left.*0 MB are free"):
        prefetch.prefetch(tmp_path)
    assert not online.asked
    assert os.listdir(tmp_path) == []


class Usage:
    """What `shutil.disk_usage` returns."""

    def __init__(self, free):
        self.free = free


class FullDisk(io.FileIO):
    """A file on a disk that has room for 5,000 more bytes."""

    def __init__(self, path, mode):
        super().__init__(path, mode)
        self.room = 5000

    def write(self, content):
        self.room -= len(content)
        if self.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(content)


def test_full_disk_keeps_what_came_for_the_next_time(online, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(fetch, "open", FullDisk, raising=False)
        with pytest.raises(fetch.DataError, match="has no space left: toys.tar needs"):
            prefetch.prefetch(tmp_path)
    assert os.listdir(tmp_path) == ["toys.tar.part"]
    prefetch.prefetch(tmp_path)
    assert online.asked == [None, "bytes=5000-"]
    assert os.listdir(tmp_path) == ["toys"]


def test_full_disk_while_unpacking_leaves_no_half_folder(online, tmp_path, monkeypatch):
    def write_bytes(path, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(fetch.DataError, match="has no space left"):
        prefetch.prefetch(tmp_path)
    assert os.listdir(tmp_path) == ["toys.tar"]
