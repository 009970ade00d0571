"""Sources: the right one is taken, nothing damaged is used, nothing half is left."""

import errno
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import toys
from toys import ARCHIVE, FILES, describe, md5, pack

from cnnlab.data import fetch

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


# Local files


def test_local_files_are_the_same_unpacked_and_packed(folder):
    unpacked = dict(fetch.read_local(ARCHIVE, FILES))
    (folder / "toys").rename(folder / "elsewhere")
    (folder / "toys.tar").write_bytes(toys.PACKED)
    assert unpacked == dict(fetch.read_local(ARCHIVE, FILES)) == FILES


def test_only_the_files_wanted_are_read(folder):
    (folder / "toys" / "two").unlink()
    assert dict(fetch.read_local(ARCHIVE, ["one"])) == {"one": FILES["one"]}


def test_one_flipped_bit_is_found(folder):
    path = folder / "toys" / "one"
    damaged = bytes([FILES["one"][0] ^ 1]) + FILES["one"][1:]
    path.write_bytes(damaged)
    with pytest.raises(fetch.DataError) as caught:
        dict(fetch.read_local(ARCHIVE, FILES))
    for part in (str(path), md5(FILES["one"])[4:], md5(damaged)[4:], "cnnlab prefetch"):
        assert part in str(caught.value)
    assert str(folder) not in caught.value.reason


def test_wrong_file_under_the_right_name_is_found(folder):
    (folder / "toys" / "one").write_bytes(FILES["two"])
    with pytest.raises(fetch.DataError, match="not the official file"):
        dict(fetch.read_local(ARCHIVE, FILES))


def test_truncated_archive_is_found(folder):
    (folder / "toys").rename(folder / "elsewhere")
    (folder / "toys.tar").write_bytes(toys.PACKED[:5000])
    with pytest.raises(fetch.DataError, match=r"toys.tar is damaged.*5,000 bytes"):
        dict(fetch.read_local(ARCHIVE, FILES))


def test_missing_file_is_named(folder):
    (folder / "toys" / "two").unlink()
    with pytest.raises(fetch.DataError, match="two cannot be read: No such file"):
        dict(fetch.read_local(ARCHIVE, FILES))


@pytest.mark.parametrize("members", [{}, {"toys/one": FILES["one"]}])
def test_archive_without_a_wanted_file_is_refused(tmp_path, members):
    packed = pack(members)
    (tmp_path / "toys.tar").write_bytes(packed)
    with pytest.raises(fetch.DataError, match="must hold (.*, )?toys/two"):
        dict(fetch.read_packed(tmp_path / "toys.tar", describe(packed), FILES))


def test_files_inside_an_archive_are_verified_too(tmp_path):
    packed = pack({"toys/one": FILES["one"], "toys/two": FILES["one"]})
    (tmp_path / "toys.tar").write_bytes(packed)
    with pytest.raises(fetch.DataError, match="toys.tar/two is damaged"):
        dict(fetch.read_packed(tmp_path / "toys.tar", describe(packed), FILES))


def test_unset_folder_is_absent_not_broken():
    with pytest.raises(fetch.AbsentError, match="CNNLAB_DATA is not set"):
        fetch.find_local(ARCHIVE)


def test_folder_without_the_dataset_is_absent_not_broken(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    with pytest.raises(fetch.AbsentError, match="must hold toys/ or toys.tar"):
        fetch.find_local(ARCHIVE)


def test_file_in_place_of_the_folder_is_reported(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "file"))
    with pytest.raises(fetch.DataError, match="cannot be read: Not a directory"):
        fetch.find_local(ARCHIVE)


def refuse(*arguments, **options):
    raise PermissionError(errno.EACCES, "Permission denied")


def test_unreadable_folder_is_reported(folder, monkeypatch):
    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(fetch.DataError, match="cannot be read: Permission denied"):
        fetch.find_local(ARCHIVE)


def test_unreadable_file_is_reported(folder, monkeypatch):
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(fetch.DataError, match="one cannot be read: Permission denied"):
        dict(fetch.read_local(ARCHIVE, FILES))


def test_packaged_file_is_verified():
    with pytest.raises(fetch.DataError, match="reinstall the package numpy"):
        fetch.read_packaged("numpy", "version.py", "sha256:0")


def test_missing_package_is_named():
    with pytest.raises(fetch.DataError, match="no_such_package is not installed"):
        fetch.read_packaged("no_such_package", "file", "sha256:0")


# Network


def test_offline_forbids_a_download():
    with pytest.raises(fetch.AbsentError, match="CNNLAB_OFFLINE=1 forbids"):
        fetch.require_network("http://127.0.0.1:9/")


def test_silent_network_is_given_up_in_time(monkeypatch):
    assert fetch.PATIENCE_SECONDS < 5
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setattr(fetch, "PATIENCE_SECONDS", 0.2)
    awake = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **o: awake.wait(20) and [])
    start = time.monotonic()
    with pytest.raises(fetch.AbsentError, match=r"example\.org does not answer"):
        fetch.require_network("https://example.org/file")
    assert time.monotonic() - start < 2
    awake.set()


def test_closed_port_is_no_network(monkeypatch):
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(fetch.AbsentError, match="does not answer"):
        fetch.require_network(f"http://127.0.0.1:{port}/")


def test_a_refusal_is_an_answer(monkeypatch):
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(toys.Handler, "do_HEAD", lambda self: self.send_error(403))
    with toys.serve() as server:
        fetch.require_network(server.url)


def test_a_prepared_cache_needs_no_network_but_permission(tmp_path, monkeypatch):
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(fetch, "require_network", failing("asked"))
    with pytest.raises(fetch.DataError, match="asked"):
        fetch.require_download("toys", "http://127.0.0.1:9/")
    (tmp_path / "toys" / "1.0.0").mkdir(parents=True)
    (tmp_path / "toys" / "1.0.0" / "dataset_info.json").touch()
    fetch.require_download("toys", "http://127.0.0.1:9/")
    monkeypatch.setenv("CNNLAB_OFFLINE", "1")
    with pytest.raises(fetch.AbsentError, match="CNNLAB_OFFLINE=1 forbids"):
        fetch.require_download("toys", "http://127.0.0.1:9/")


# What there is


def states():
    rows = fetch.available(verify=True)
    return {(row.dataset, row.source): row.state for row in rows}


def test_available_tells_ready_from_absent_and_damaged(folder, monkeypatch):
    monkeypatch.setattr(fetch, "ARCHIVES", {"toys": ARCHIVE})
    assert states()["toys", "local"] == "ready"
    (folder / "toys" / "one").write_bytes(b"damaged")
    assert states()["toys", "local"] == "damaged"
    (folder / "toys" / "one").unlink()
    [row] = [row for row in fetch.available() if row[:2] == ("toys", "local")]
    assert row.state == "damaged"
    assert "toys lacks one; `cnnlab prefetch`" in row.remedy
    monkeypatch.delenv("CNNLAB_DATA")
    assert states()["toys", "local"] == states()["toys", "download"] == "absent"


def test_every_dataset_is_embedded():
    embedded = {row.dataset for row in fetch.available() if row.source == "embedded"}
    assert embedded == {"cifar10", "digits", "photographs", "scenes"}
    assert all(states()[dataset, "embedded"] == "ready" for dataset in embedded)


def test_no_tensorflow_is_imported_for_what_is_at_hand():
    code = (
        "import sys; from cnnlab.data import cifar10, digits, fetch, photographs; "
        "cifar10.load(num_train=1, num_test=1); digits.load(); photographs.load(); "
        "fetch.available(); "
        "assert not {'tensorflow', 'keras', 'tensorflow_datasets'} & set(sys.modules)"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)


def test_readme_lists_every_checksum():
    from cnnlab.data import cifar10, digits, image_folders, photographs, pretrained

    readme = (Path(__file__).parents[2] / "data" / "README.md").read_text()
    archive = cifar10.ARCHIVE
    checksums = {archive.name: archive.checksum, "digits.csv.gz": digits.CHECKSUM}
    checksums |= {
        f"{archive.folder}/{name}": md5 for name, md5 in archive.files.items()
    }
    checksums |= {name: f"sha256:{sha}" for name, sha in photographs.FILES.items()}
    others = [*image_folders.ARCHIVES.values(), *pretrained.published().values()]
    checksums |= {each.name: each.checksum for each in others}
    for name, checksum in checksums.items():
        [line] = [line for line in readme.splitlines() if f"`{name}` |" in line]
        assert "{} `{}`".format(*checksum.split(":")) in line
