"""The right source is chosen, and nothing damaged is used."""

import errno
import os
import re
import socket
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pooch
import pytest
import toys
from toys import FILES, describe, md5

from cnnlab.data import fetch, network

FILE = describe(toys.PACKED)
INFO = fetch.DataInfo("Toys", "local", ("a", "b"), "none", "nobody", "md5:0")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder CNNLAB_DATA, with the toys unpacked."""
    toys.fill(tmp_path)
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    return tmp_path


def failing(reason):
    def reader(*arguments):
        raise fetch.DataError(f"A long story: {reason}.", reason)

    return reader


# Choosing


def test_unknown_source_is_refused():
    with pytest.raises(
        ValueError, match='"auto", "local"(.|\n)*Received: \'internet\''
    ):
        fetch.load("internet", {"local": lambda: INFO})


def test_auto_takes_the_first_source_that_succeeds_and_says_why(capsys):
    readers = {
        "local": failing("the folder is empty"),
        "download": failing("the cable is cut"),
        "embedded": lambda: ("arrays", INFO),
    }
    assert fetch.load("auto", readers) == ("arrays", INFO)
    assert capsys.readouterr().out == (
        "Data: Toys (local, 2 classes), since the folder is empty, and the cable is "
        "cut.\n"
    )


def test_auto_asks_no_further_source_than_it_needs(capsys):
    readers = {"local": lambda: ("arrays", INFO), "download": failing("unasked")}
    assert fetch.load("auto", readers) == ("arrays", INFO)
    assert capsys.readouterr().out == (
        "Data: Toys (local, 2 classes), since CNNLAB_DATA holds it.\n"
    )


def test_auto_without_any_source_tells_every_story():
    readers = {"local": failing("empty"), "download": failing("forbidden")}
    with pytest.raises(fetch.DataError, match="story: empty.\nA long story: forb"):
        fetch.load("auto", readers)


def test_a_source_asked_for_is_not_replaced_by_another(capsys):
    readers = {"local": failing("empty"), "embedded": lambda: ("arrays", INFO)}
    with pytest.raises(fetch.DataError, match="A long story: empty"):
        fetch.load("local", readers)
    assert not capsys.readouterr().out


@pytest.mark.parametrize("wanted", [0, -1, 11])
def test_counts_outside_the_split_are_refused(wanted):
    with pytest.raises(
        ValueError, match=f"between 1 and 10. Received: num_test={wanted}"
    ):
        fetch.check_count("num_test", wanted, 10)


def test_count_none_means_all():
    assert fetch.check_count("num_test", None, 10) == 10
    assert fetch.check_count("num_test", 3, 10) == 3


def test_dtype_applies_to_every_split():
    bytes_, floats = (
        np.array([[0, 51, 255]], "uint8"),
        np.array([[0, 0.2, 1]], "float32"),
    )
    readers = {"local": lambda: ((bytes_, "labels"), (floats, "others"), INFO)}
    for dtype, expected in (("uint8", bytes_), ("float32", floats)):
        *splits, info = fetch.load("local", readers, dtype)
        assert [labels for _, labels in splits] == ["labels", "others"]
        assert info is INFO
        for images, _ in splits:
            assert images.dtype == dtype
            np.testing.assert_array_equal(images, expected)


def test_other_dtypes_are_refused_before_anything_is_read():
    readers = {"local": failing("read")}
    with pytest.raises(ValueError, match="`dtype` must be .*Received: 'float64'"):
        fetch.load("local", readers, "float64")


# Local files


def test_one_flipped_bit_is_found(folder):
    path = folder / "toys" / "one"
    damaged = bytes([FILES["one"][0] ^ 1]) + FILES["one"][1:]
    path.write_bytes(damaged)
    with pytest.raises(fetch.DataError) as caught:
        fetch.read(path, md5(FILES["one"]))
    for part in (str(path), md5(FILES["one"])[4:], md5(damaged)[4:], "cnnlab prefetch"):
        assert part in str(caught.value)
    assert str(folder) not in caught.value.reason


def test_what_was_verified_is_what_is_returned(folder):
    assert fetch.read(folder / "toys" / "one", md5(FILES["one"])) == FILES["one"]


def test_missing_file_is_named(folder):
    with pytest.raises(fetch.DataError, match="three cannot be read: No such file"):
        fetch.read(folder / "toys" / "three", md5(b""))


def test_folder_is_found_before_the_archive(folder):
    (folder / "toys.tar").write_bytes(toys.PACKED)
    assert fetch.find_local(FILE) == folder / "toys"
    (folder / "toys").rename(folder / "elsewhere")
    assert fetch.find_local(FILE) == folder / "toys.tar"


def test_unset_folder_is_absent_not_broken():
    with pytest.raises(fetch.AbsentError, match="CNNLAB_DATA is not set"):
        fetch.find_local(FILE)


def test_folder_without_the_dataset_is_absent_not_broken(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    with pytest.raises(fetch.AbsentError, match="must hold toys/ or toys.tar"):
        fetch.find_local(FILE)


def test_file_in_place_of_the_folder_is_reported(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "file"))
    with pytest.raises(fetch.DataError, match="cannot be read: Not a directory"):
        fetch.find_local(FILE)


def refuse(*arguments, **options):
    raise PermissionError(errno.EACCES, "Permission denied")


def test_unreadable_folder_is_reported(folder, monkeypatch):
    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(fetch.DataError, match="cannot be read: Permission denied"):
        fetch.find_local(FILE)


def test_unreadable_file_is_reported(folder, monkeypatch):
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(fetch.DataError, match="one cannot be read: Permission denied"):
        fetch.read(folder / "toys" / "one", md5(FILES["one"]))


def test_packaged_file_is_verified():
    with pytest.raises(fetch.DataError, match="reinstall the package numpy"):
        fetch.read_packaged("numpy", "version.py", "sha256:0")


def test_missing_package_is_named():
    with pytest.raises(fetch.DataError, match="no_such_package is not installed"):
        fetch.read_packaged("no_such_package", "file", "sha256:0")


# Network


def test_offline_forbids_a_download():
    with pytest.raises(fetch.AbsentError, match="CNNLAB_OFFLINE=1 forbids"):
        network.require_network("http://127.0.0.1:9/")


def test_silent_network_is_given_up_in_time(monkeypatch):
    assert network.ANSWER_SECONDS < 5
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setattr(network, "ANSWER_SECONDS", 0.2)
    awake = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **o: awake.wait(20) and [])
    start = time.monotonic()
    with pytest.raises(fetch.AbsentError, match=r"example\.org does not answer"):
        network.require_network("https://example.org/file")
    assert time.monotonic() - start < 2
    awake.set()


def test_closed_port_is_no_network(monkeypatch):
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(fetch.AbsentError, match="does not answer"):
        network.require_network(f"http://127.0.0.1:{port}/")


def test_a_refusal_is_an_answer(monkeypatch):
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(toys.Handler, "do_HEAD", lambda self: self.send_error(403))
    with toys.serve() as server:
        network.require_network(server.url)


# Downloads


@pytest.fixture
def online(monkeypatch):
    """A server of the packed toys, the only host that the test can reach."""
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with toys.serve() as server:
        server.file = describe(toys.PACKED, server.url)
        yield server


def test_a_download_shows_its_progress_and_is_not_repeated(online, tmp_path, capsys):
    for _ in range(2):
        path = network.download(online.file, tmp_path / "new")
        assert path == tmp_path / "new" / "toys.tar"
        assert path.read_bytes() == toys.PACKED
    assert online.num_requests == 1
    assert re.search(r"100%.*30.7k/30.7k", capsys.readouterr().err)


def test_a_download_that_is_cut_leaves_nothing(online, tmp_path):
    online.cut = 9000
    with pytest.raises(fetch.DataError, match="toys.tar failed, and nothing of it was"):
        network.download(online.file, tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", [toys.PACKED[:-1] + b"!", b"<html>Welcome"])
def test_another_file_that_arrives_is_removed(online, tmp_path, content):
    online.content = content
    with pytest.raises(fetch.DataError, match="does not match the known hash"):
        network.download(online.file, tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_damaged_file_is_downloaded_anew(online, tmp_path):
    (tmp_path / "toys.tar").write_bytes(b"damaged")
    assert network.download(online.file, tmp_path).read_bytes() == toys.PACKED


def test_the_file_has_its_name_only_when_it_is_whole(online, tmp_path, monkeypatch):
    def look(*arguments, **options):
        assert "toys.tar" not in os.listdir(tmp_path)
        return matches(*arguments, **options)

    matches = pooch.core.hash_matches
    monkeypatch.setattr(pooch.core, "hash_matches", look)
    assert network.download(online.file, tmp_path).exists()


def test_a_full_disk_is_one_clear_error(online, tmp_path, monkeypatch):
    def write(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", write)
    with pytest.raises(fetch.DataError, match="cannot be written: No space left.*make"):
        network.download(online.file, tmp_path)
    assert os.listdir(tmp_path) == []


def test_offline_forbids_even_a_download_that_is_kept(online, tmp_path, monkeypatch):
    network.download(online.file, tmp_path)
    monkeypatch.setenv("CNNLAB_OFFLINE", "1")
    with pytest.raises(fetch.AbsentError, match="CNNLAB_OFFLINE=1 forbids"):
        network.download(online.file, tmp_path)


# Homes


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "shared").mkdir()
    toys.fill(tmp_path / "shared")
    monkeypatch.setenv("CNNLAB_DATA", "~/shared")
    assert fetch.find_local(FILE) == tmp_path / "shared" / "toys"


@pytest.mark.parametrize("path", ["~no_such_user/data", "~no_such_user"])
def test_an_unknown_home_is_never_made_into_a_folder(path, monkeypatch):
    monkeypatch.setenv("CNNLAB_DATA", path)
    message = f"{path} begins with a home folder that is not known"
    for find in (lambda: fetch.find_local(FILE), lambda: fetch.expand_home(path)):
        with pytest.raises(fetch.DataError, match=message):
            find()


def test_a_cache_is_found_without_a_writable_home(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert network.find_cache("models") == tmp_path / ".keras" / "models"
    for home in ("/no/such/folder", "~"):  # "~": what an unknown user's HOME becomes
        monkeypatch.setattr(os.path, "expanduser", lambda path, home=home: home)
        expected = Path(tempfile.gettempdir()) / ".keras" / "models"
        assert network.find_cache("models") == expected
