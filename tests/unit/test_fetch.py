"""The right source is chosen, and nothing damaged is used."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import toys
from toys import FILES, describe, md5

from cnnlab.data import fetch

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


NOBODY = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]


@pytest.mark.skipif(
    not shutil.which("setpriv") or os.geteuid() != 0,
    reason="only root may start another user",
)
def test_a_user_without_a_home_or_a_name_loads_data():
    def run(code):
        command = [*NOBODY, sys.executable, "-c", code]
        return subprocess.run(
            command, env=environment, cwd=root, capture_output=True, text=True
        )

    environment = {name: os.environ[name] for name in os.environ if name != "HOME"}
    root = Path(__file__).parents[2]
    if run("import cnnlab").returncode:
        pytest.skip("another user cannot read this folder")
    done = run(
        "from cnnlab.data import cifar10, inventory; inventory.available(); "
        "print(cifar10.load(num_train=10, num_test=10)[2].name)"
    )
    assert done.stdout.endswith("Scenes\n"), done.stderr
