"""What can be had from where is listed truly, and quickly."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cnnlab.data import cifar10, fetch, inventory, network, pretrained, tfds

ROOT = Path(__file__).parents[2]


def states(verify=True):
    rows = inventory.available(verify)
    return {(row.dataset, row.source): row.state for row in rows}


def test_ready_absent_and_damaged_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    assert states()["cifar10", "local"] == "absent"
    batches = tmp_path / cifar10.FILE.unpacked
    batches.mkdir()
    for name in cifar10.BATCHES:
        (batches / name).touch()
    assert states(verify=False)["cifar10", "local"] == "ready"
    assert states(verify=True)["cifar10", "local"] == "damaged"
    (batches / "test_batch").unlink()
    [row] = [row for row in inventory.available() if row[:2] == ("cifar10", "local")]
    assert row.state == "damaged"
    assert "cifar-10-batches-py lacks test_batch; `cnnlab prefetch`" in row.message


def test_every_data_set_has_something_embedded():
    found = states()
    embedded = {dataset for dataset, source in found if source == "embedded"}
    assert embedded >= {dataset for dataset, _ in found} - {
        *pretrained.list_published()
    }
    assert {"scenes", "clips", "digits", "photographs"} <= embedded
    assert all(found[dataset, "embedded"] == "ready" for dataset in embedded)


def test_no_download_is_ready_offline():
    assert {states()[row] for row in states() if row[1] == "download"} == {"absent"}


def test_a_silent_network_is_waited_for_once(monkeypatch):
    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setattr(network, "ANSWER_SECONDS", 1)
    awake = threading.Event()
    monkeypatch.setattr(network, "_ask", lambda url, answers: awake.wait(20))
    start = time.monotonic()
    found = states()
    assert time.monotonic() - start < 2
    assert found["cifar10", "download"] == found["flowers", "download"] == "absent"
    awake.set()


def test_no_tensorflow_is_imported_for_what_is_at_hand():
    code = (
        "import sys; from cnnlab.data import cifar10, digits, inventory, photographs; "
        "cifar10.load(num_train=1, num_test=1); digits.load(); photographs.load(); "
        "inventory.available(); "
        "assert not {'tensorflow', 'keras', 'tensorflow_datasets'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_prepared_cache_needs_no_network_but_permission(tmp_path, monkeypatch):
    def require_network(url):
        raise fetch.AbsentError("asked", "asked")

    monkeypatch.delenv("CNNLAB_OFFLINE")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(network, "require_network", require_network)
    with pytest.raises(fetch.AbsentError, match="asked"):
        tfds.check("toys", "http://127.0.0.1:9/")
    (tmp_path / "toys" / "1.0.0").mkdir(parents=True)
    (tmp_path / "toys" / "1.0.0" / "dataset_info.json").touch()
    tfds.check("toys", "http://127.0.0.1:9/")
    monkeypatch.setenv("CNNLAB_OFFLINE", "1")
    with pytest.raises(fetch.AbsentError, match="CNNLAB_OFFLINE=1 forbids"):
        tfds.check("toys", "http://127.0.0.1:9/")


def test_readme_lists_every_checksum():
    from cnnlab.data import digits, photographs, prefetch

    readme = (ROOT / "data" / "README.md").read_text()
    files = prefetch.list_published().values()
    checksums = {file.name: file.checksum for file in files if file.checksum}
    checksums["digits.csv.gz"] = digits.CHECKSUM
    folder = cifar10.FILE.unpacked
    checksums |= {f"{folder}/{name}": md5 for name, md5 in cifar10.BATCHES.items()}
    checksums |= {name: f"sha256:{sha}" for name, sha in photographs.FILES.items()}
    for name, checksum in checksums.items():
        [line] = [line for line in readme.splitlines() if f"`{name}` |" in line]
        assert "{} `{}`".format(*checksum.split(":")) in line
