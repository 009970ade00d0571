"""Downloads arrive whole or not at all, and a network is never waited for long."""

import errno
import os
import re
import socket
import tempfile
import threading
import time
from pathlib import Path

import pooch
import pytest
import toys
from toys import describe

from cnnlab.data import fetch, network

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


def test_a_server_that_is_silent_is_asked_for_no_file(tmp_path, monkeypatch):
    def require_network(url):
        raise fetch.AbsentError("nothing answers", "nothing answers")

    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setattr(network, "require_network", require_network)
    monkeypatch.setattr(network, "_retrieve", None)  # a call would fail otherwise
    with pytest.raises(fetch.AbsentError, match="nothing answers"):
        network.download(describe(toys.PACKED), tmp_path)


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


# Caches


def test_a_cache_is_found_without_a_writable_home(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert network.find_cache("models") == tmp_path / ".keras" / "models"
    for home in ("/no/such/folder", "~"):  # "~": what an unknown user's HOME becomes
        monkeypatch.setattr(os.path, "expanduser", lambda path, home=home: home)
        expected = Path(tempfile.gettempdir()) / ".keras" / "models"
        assert network.find_cache("models") == expected
