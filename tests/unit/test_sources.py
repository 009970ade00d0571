"""Sources: the right one is taken, nothing damaged is used, nothing half is left."""

import errno
import hashlib
import http.server
import io
import os
import socket
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest

from cnnlab.data import sources

FILES = {"one": b"first " * 2000, "two": b"second " * 2000}
RECORD = sources.Record("Toys", "local", ("a", "b"), "none", "nobody", "md5:0")


def md5(content):
    return f"md5:{hashlib.md5(content, usedforsecurity=False).hexdigest()}"


def pack(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def describe(packed, url="http://127.0.0.1:9/toys.tar"):
    checksums = {name: md5(content) for name, content in FILES.items()}
    size = sum(map(len, FILES.values()))
    return sources.Archive(url, md5(packed), len(packed), size, "toys", checksums)


PACKED = pack({f"toys/{name}": content for name, content in FILES.items()})
ARCHIVE = describe(PACKED)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder CNNLAB_DATA, with the toys unpacked."""
    (tmp_path / "toys").mkdir()
    for name, content in FILES.items():
        (tmp_path / "toys" / name).write_bytes(content)
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    return tmp_path


def failing(reason):
    def reader(*arguments):
        raise sources.DataError(f"A long story: {reason}.", reason)

    return reader


# Choosing


def test_unknown_source_is_refused():
    with pytest.raises(
        ValueError, match='"auto", "local"(.|\n)*Received: \'internet\''
    ):
        sources.load("internet", {"local": lambda: RECORD})


def test_auto_takes_the_first_source_that_succeeds_and_says_why(capsys):
    readers = {
        "local": failing("the folder is empty"),
        "download": failing("the cable is cut"),
        "embedded": lambda: ("arrays", RECORD),
    }
    assert sources.load("auto", readers) == ("arrays", RECORD)
    assert capsys.readouterr().out == (
        "Data: Toys (local, 2 classes), since the folder is empty, and the cable is "
        "cut.\n"
    )


def test_auto_asks_no_further_source_than_it_needs(capsys):
    readers = {"local": lambda: ("arrays", RECORD), "download": failing("unasked")}
    assert sources.load("auto", readers) == ("arrays", RECORD)
    assert capsys.readouterr().out == (
        "Data: Toys (local, 2 classes), since CNNLAB_DATA holds it.\n"
    )


def test_auto_without_any_source_tells_every_story():
    readers = {"local": failing("empty"), "download": failing("forbidden")}
    with pytest.raises(sources.DataError, match="story: empty.\nA long story: forb"):
        sources.load("auto", readers)


def test_a_source_asked_for_is_not_replaced_by_another(capsys):
    readers = {"local": failing("empty"), "embedded": lambda: ("arrays", RECORD)}
    with pytest.raises(sources.DataError, match="A long story: empty"):
        sources.load("local", readers)
    assert not capsys.readouterr().out


@pytest.mark.parametrize("wanted", [0, -1, 11])
def test_counts_outside_the_split_are_refused(wanted):
    with pytest.raises(
        ValueError, match=f"between 1 and 10. Received: num_test={wanted}"
    ):
        sources.count("num_test", wanted, 10)


def test_count_none_means_all():
    assert sources.count("num_test", None, 10) == 10
    assert sources.count("num_test", 3, 10) == 3


# Local files


def test_local_files_are_the_same_unpacked_and_packed(folder):
    unpacked = dict(sources.read_local(ARCHIVE, FILES))
    (folder / "toys").rename(folder / "elsewhere")
    (folder / "toys.tar").write_bytes(PACKED)
    assert unpacked == dict(sources.read_local(ARCHIVE, FILES)) == FILES


def test_only_the_files_wanted_are_read(folder):
    (folder / "toys" / "two").unlink()
    assert dict(sources.read_local(ARCHIVE, ["one"])) == {"one": FILES["one"]}


def test_one_flipped_bit_is_found(folder):
    path = folder / "toys" / "one"
    damaged = bytes([FILES["one"][0] ^ 1]) + FILES["one"][1:]
    path.write_bytes(damaged)
    with pytest.raises(sources.DataError) as caught:
        dict(sources.read_local(ARCHIVE, FILES))
    for part in (str(path), md5(FILES["one"])[4:], md5(damaged)[4:], "cnnlab prefetch"):
        assert part in str(caught.value)
    assert str(folder) not in caught.value.reason


def test_wrong_file_under_the_right_name_is_found(folder):
    (folder / "toys" / "one").write_bytes(FILES["two"])
    with pytest.raises(sources.DataError, match="not the official file"):
        dict(sources.read_local(ARCHIVE, FILES))


def test_truncated_archive_is_found(folder):
    (folder / "toys").rename(folder / "elsewhere")
    (folder / "toys.tar").write_bytes(PACKED[:5000])
    with pytest.raises(sources.DataError, match=r"toys.tar is damaged.*5,000 bytes"):
        dict(sources.read_local(ARCHIVE, FILES))


def test_missing_file_is_named(folder):
    (folder / "toys" / "two").unlink()
    with pytest.raises(sources.DataError, match="two cannot be read: No such file"):
        dict(sources.read_local(ARCHIVE, FILES))


@pytest.mark.parametrize("members", [{}, {"toys/one": FILES["one"]}])
def test_archive_without_a_wanted_file_is_refused(tmp_path, members):
    packed = pack(members)
    (tmp_path / "toys.tar").write_bytes(packed)
    with pytest.raises(sources.DataError, match="must hold (.*, )?toys/two"):
        dict(sources.read_packed(tmp_path / "toys.tar", describe(packed), FILES))


def test_files_inside_an_archive_are_verified_too(tmp_path):
    packed = pack({"toys/one": FILES["one"], "toys/two": FILES["one"]})
    (tmp_path / "toys.tar").write_bytes(packed)
    with pytest.raises(sources.DataError, match="toys.tar/two is damaged"):
        dict(sources.read_packed(tmp_path / "toys.tar", describe(packed), FILES))


def test_unset_folder_is_absent_not_broken():
    with pytest.raises(sources.AbsentError, match="CNNLAB_DATA is not set"):
        sources.find_local(ARCHIVE)


def test_folder_without_the_dataset_is_absent_not_broken(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    with pytest.raises(sources.AbsentError, match="must hold toys/ or toys.tar"):
        sources.find_local(ARCHIVE)


def test_file_in_place_of_the_folder_is_reported(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "file"))
    with pytest.raises(sources.DataError, match="cannot be read: Not a directory"):
        sources.find_local(ARCHIVE)


def refuse(*arguments, **options):
    raise PermissionError(errno.EACCES, "Permission denied")


def test_unreadable_folder_is_reported(folder, monkeypatch):
    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(sources.DataError, match="cannot be read: Permission denied"):
        sources.find_local(ARCHIVE)


def test_unreadable_file_is_reported(folder, monkeypatch):
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(
        sources.DataError, match="one cannot be read: Permission denied"
    ):
        dict(sources.read_local(ARCHIVE, FILES))


def test_packaged_file_is_verified():
    with pytest.raises(sources.DataError, match="reinstall the package numpy"):
        sources.read_packaged("numpy", "version.py", "sha256:0")


def test_missing_package_is_named():
    with pytest.raises(sources.DataError, match="no_such_package is not installed"):
        sources.read_packaged("no_such_package", "file", "sha256:0")


# Network


@pytest.fixture
def online(monkeypatch):
    """A server for a folder in memory, the only host that the test can reach."""
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.ranges, server.cut, server.asked = PACKED, True, None, []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}/toys.tar"
    monkeypatch.setattr(sources, "ARCHIVES", {"toys": describe(PACKED, server.url)})
    monkeypatch.setattr(sources, "BLOCK_BYTES", 1000)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.content`; with `ranges`, from where asked; up to `cut` bytes."""

    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        start = int(asked[6:-1]) if asked and self.server.ranges else 0
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cut])

    def log_message(self, *arguments):
        pass


def test_offline_forbids_a_download():
    with pytest.raises(sources.AbsentError, match="CNNLAB_OFFLINE=1 forbids"):
        sources.require_network("http://127.0.0.1:9/")


def test_silent_network_is_given_up_in_time(monkeypatch):
    assert sources.PATIENCE_SECONDS < 5
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setattr(sources, "PATIENCE_SECONDS", 0.2)
    awake = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **o: awake.wait(20) and [])
    start = time.monotonic()
    with pytest.raises(sources.AbsentError, match=r"example\.org does not answer"):
        sources.require_network("https://example.org/file")
    assert time.monotonic() - start < 2
    awake.set()


def test_closed_port_is_no_network(monkeypatch):
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(sources.AbsentError, match="does not answer"):
        sources.require_network(f"http://127.0.0.1:{port}/")


def test_a_refusal_is_an_answer(online, monkeypatch):
    monkeypatch.setattr(Handler, "do_HEAD", lambda self: self.send_error(403))
    sources.require_network(online.url)


def test_a_prepared_cache_needs_no_network_but_permission(tmp_path, monkeypatch):
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(sources, "require_network", failing("asked"))
    with pytest.raises(sources.DataError, match="asked"):
        sources.require_download("toys", "http://127.0.0.1:9/")
    (tmp_path / "toys" / "1.0.0").mkdir(parents=True)
    (tmp_path / "toys" / "1.0.0" / "dataset_info.json").touch()
    sources.require_download("toys", "http://127.0.0.1:9/")
    monkeypatch.setenv("CNNLAB_OFFLINE", "1")
    with pytest.raises(sources.AbsentError, match="CNNLAB_OFFLINE=1 forbids"):
        sources.require_download("toys", "http://127.0.0.1:9/")


# Prefetch


def test_prefetch_fills_a_folder_that_local_reads(online, tmp_path, monkeypatch):
    places = sources.prefetch(tmp_path / "new", ["toys"])
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "new"))
    assert places == {"toys": tmp_path / "new" / "toys"}
    assert dict(sources.read_local(sources.ARCHIVES["toys"], FILES)) == FILES
    assert os.listdir(tmp_path / "new") == ["toys"]


def test_prefetch_reports_progress(online, tmp_path):
    steps = []
    sources.prefetch(tmp_path, progress=lambda *step: steps.append(step))
    assert steps[0] == ("toys.tar", 1000, len(PACKED))
    assert steps[-1] == ("toys.tar", len(PACKED), len(PACKED))


def test_prefetch_leaves_alone_what_is_there(online, folder, monkeypatch):
    monkeypatch.setenv("CNNLAB_OFFLINE", "1")
    sources.prefetch(folder)
    assert not online.asked


def test_prefetch_repairs_what_is_damaged(online, folder):
    (folder / "toys" / "one").write_bytes(b"damaged")
    (folder / "toys" / "notes").write_bytes(b"of the teacher")
    sources.prefetch(folder)
    assert (folder / "toys" / "one").read_bytes() == FILES["one"]
    assert (folder / "toys" / "notes").read_bytes() == b"of the teacher"


def test_prefetch_unpacks_an_archive_that_is_there(online, tmp_path):
    (tmp_path / "toys.tar").write_bytes(PACKED)
    sources.prefetch(tmp_path)
    assert not online.asked
    assert sorted(os.listdir(tmp_path)) == ["toys", "toys.tar"]


@pytest.mark.parametrize("ranges", [True, False])
def test_prefetch_goes_on_after_a_cut(online, tmp_path, ranges):
    online.cut, online.ranges = 9000, ranges
    with pytest.raises(sources.DataError, match="stopped: 9000 of .* bytes arrived"):
        sources.prefetch(tmp_path)
    assert os.listdir(tmp_path) == ["toys.tar.part"]
    online.cut = None
    sources.prefetch(tmp_path)
    assert online.asked == [None, "bytes=9000-"]
    assert (tmp_path / "toys" / "two").read_bytes() == FILES["two"]


def test_a_wrong_file_that_arrives_is_removed(online, tmp_path):
    online.content = PACKED[:-1] + b"!"
    with pytest.raises(sources.DataError, match="damaged or not the official file"):
        sources.prefetch(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_login_page_is_not_taken_for_the_archive(online, tmp_path):
    online.content = b"<html>Welcome to our hotel"
    with pytest.raises(sources.DataError, match="must offer .* bytes. Received: 26"):
        sources.prefetch(tmp_path)
    assert os.listdir(tmp_path) == []


def test_an_archive_cannot_write_outside_its_folder(online, tmp_path, monkeypatch):
    members = {f"toys/{name}": content for name, content in FILES.items()}
    online.content = pack({"../evil": b"", "toys/../../evil": b"", **members})
    archive = describe(online.content, online.url)
    monkeypatch.setattr(sources, "ARCHIVES", {"toys": archive})
    sources.prefetch(tmp_path / "inside")
    assert os.listdir(tmp_path) == ["inside"]
    assert sorted(os.listdir(tmp_path / "inside" / "toys")) == ["one", "two"]


def test_offline_forbids_prefetch(tmp_path, monkeypatch):
    with pytest.raises(sources.DataError, match="CNNLAB_OFFLINE=1 forbids"):
        sources.prefetch(tmp_path)
    assert os.listdir(tmp_path) == []


def test_prefetch_of_an_unknown_dataset_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must be among \['cifar10'\]"):
        sources.prefetch(tmp_path, ["digits"])


def test_prefetch_into_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(sources.DataError, match="cannot be written"):
        sources.prefetch(tmp_path / "file")


def test_too_small_a_disk_is_seen_before_the_download(online, tmp_path, monkeypatch):
    monkeypatch.setattr(sources.shutil, "disk_usage", lambda path: Usage(10**4))
    with pytest.raises(sources.DataError, match="no space left.*0 MB are free"):
        sources.prefetch(tmp_path)
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
        patch.setattr(sources, "open", FullDisk, raising=False)
        with pytest.raises(
            sources.DataError, match="has no space left: toys.tar needs"
        ):
            sources.prefetch(tmp_path)
    assert os.listdir(tmp_path) == ["toys.tar.part"]
    sources.prefetch(tmp_path)
    assert online.asked == [None, "bytes=5000-"]
    assert os.listdir(tmp_path) == ["toys"]


def test_full_disk_while_unpacking_leaves_no_half_folder(online, tmp_path, monkeypatch):
    def write_bytes(path, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(sources.DataError, match="has no space left"):
        sources.prefetch(tmp_path)
    assert os.listdir(tmp_path) == ["toys.tar"]


# What there is


def states():
    rows = sources.available(verify=True)
    return {(row.dataset, row.source): row.state for row in rows}


def test_available_tells_ready_from_absent_and_damaged(folder, monkeypatch):
    monkeypatch.setattr(sources, "ARCHIVES", {"toys": ARCHIVE})
    assert states()["toys", "local"] == "ready"
    (folder / "toys" / "one").write_bytes(b"damaged")
    assert states()["toys", "local"] == "damaged"
    (folder / "toys" / "one").unlink()
    [row] = [row for row in sources.available() if row[:2] == ("toys", "local")]
    assert row.state == "damaged"
    assert "toys lacks one; `cnnlab prefetch`" in row.remedy
    monkeypatch.delenv("CNNLAB_DATA")
    assert states()["toys", "local"] == states()["toys", "download"] == "absent"


def test_every_dataset_is_embedded():
    embedded = {row.dataset for row in sources.available() if row.source == "embedded"}
    assert embedded == {"cifar10", "digits", "photographs", "scenes"}
    assert all(states()[dataset, "embedded"] == "ready" for dataset in embedded)


def test_no_tensorflow_is_imported_for_what_is_at_hand():
    code = (
        "import sys; from cnnlab.data import cifar10, digits, photographs, sources; "
        "cifar10.load(num_train=1, num_test=1); digits.load(); photographs.load(); "
        "sources.available(); "
        "assert not {'tensorflow', 'keras', 'tensorflow_datasets'} & set(sys.modules)"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)


def test_readme_lists_every_checksum():
    from cnnlab.data import cifar10, digits, photographs

    readme = (Path(__file__).parents[2] / "data" / "README.md").read_text()
    archive = cifar10.ARCHIVE
    checksums = {archive.name: archive.checksum, "digits.csv.gz": digits.CHECKSUM}
    checksums |= {
        f"{archive.folder}/{name}": sum for name, sum in archive.files.items()
    }
    checksums |= {name: f"sha256:{sum}" for name, sum in photographs.FILES.items()}
    for name, checksum in checksums.items():
        [line] = [line for line in readme.splitlines() if f"`{name}` |" in line]
        assert "{} `{}`".format(*checksum.split(":")) in line
