import sys
from types import SimpleNamespace

import pytest

from cnnlab import doctor
from cnnlab.data import cifar10, inventory, network


def lock(tmp_path, *lines):
    path = tmp_path / "lock.txt"
    path.write_text("# made by make\n" + "".join(f"{x} \\\n  --hash\n" for x in lines))
    return path


def test_libraries_as_locked_are_one_line(tmp_path):
    pin = f"pytest=={pytest.__version__}"
    elsewhere = "nowhere==1.0 ; sys_platform == 'amiga'"
    (finding,) = doctor._libraries(lock(tmp_path, pin, elsewhere))
    assert finding == ("libraries", "good", "1 of 1 as locked", "")


def test_other_version_is_noted_and_missing_library_is_broken(tmp_path):
    other, missing, count = doctor._libraries(
        lock(tmp_path, "pytest==1.0", "nowhere==2")
    )
    assert other.state == "note"
    assert other.found == f"{pytest.__version__}, the lock says ==1.0"
    assert missing[:3] == ("nowhere", "broken", "not installed")
    assert count.found == "0 of 2 as locked"


@pytest.mark.parametrize("offline", ["0", "1"])
@pytest.mark.parametrize("folder", [None, "empty", "nowhere", "damaged"])
def test_remedy_for_data_says_what_to_do_and_not_what_is_wrong(
    monkeypatch, tmp_path, offline, folder
):
    damaged = tmp_path / "damaged" / cifar10.FILE.unpacked
    damaged.mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(network, "_ask", lambda url, answers: None)
    monkeypatch.setenv("CNNLAB_OFFLINE", offline)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    if folder:
        monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / folder))
    rows = [row for row in inventory.available() if row.dataset == "cifar10"]
    found = [part for part in doctor._data(rows) if part.remedy]
    assert len(found) == 2
    for part in found:
        assert part.remedy.startswith(("Set ", "Unset ", "Connect ", "Check ", "`cnn"))
        assert part.found.startswith(("absent: ", "damaged: "))


def test_damaged_data_is_broken_and_absent_data_is_not():
    found = doctor._data(
        [
            ("cifar10", "local", "damaged", "bring it again"),
            ("cifar10", "download", "absent", "connect"),
            ("digits", "embedded", "ready", ""),
        ]
    )
    assert [(part.subject, part.state, part.remedy) for part in found] == [
        ("cifar10, local", "broken", "Bring it again"),
        ("cifar10, download", "note", "Connect"),
        ("digits, embedded", "good", ""),
    ]


@pytest.mark.parametrize(
    ("version", "state"),
    [((3, 11, 7), "good"), ((3, 13, 0), "good"), ((3, 14), "broken")],
)
def test_python_is_judged_by_its_version(monkeypatch, version, state):
    monkeypatch.setattr(sys, "version_info", version)
    assert [part.state for part in doctor._python()] == [state]


@pytest.mark.parametrize(("free", "state"), [(1e9, "note"), (9e9, "good")])
def test_little_space_is_noted(monkeypatch, free, state):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    assert [part.state for part in doctor._disk()] == [state]


def test_optional_program_is_found_under_another_name_or_noted(monkeypatch):
    places = {"google-chrome": "/opt/chrome"}
    monkeypatch.setattr("shutil.which", places.get)
    chromium, bubblewrap = doctor._programs()
    assert chromium == ("chromium", "good", "/opt/chrome", "")
    assert bubblewrap.state == "note"
    assert "apt install bubblewrap" in bubblewrap.remedy


def test_backend_that_does_not_start_is_broken(monkeypatch):
    def fail():
        raise ImportError("no kernel image")

    monkeypatch.setattr(doctor, "quiet_start", fail)
    (finding,) = doctor._devices()
    assert finding[:3] == ("Keras", "broken", "ImportError: no kernel image")


def test_devices_are_named_with_their_backend():
    finding, *_ = doctor._devices()
    assert finding.state == "good"
    assert "(Keras on tensorflow)" in finding.found


def test_machine_without_a_gpu_learns_that_messages_about_one_are_harmless(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    _, finding = doctor._devices()
    assert finding[:3] == ("GPU", "good", "no NVIDIA driver")
    assert "CUDA is harmless" in finding.remedy


def test_unseen_gpu_is_noted(monkeypatch):
    monkeypatch.setattr("shutil.which", {"nvidia-smi": "/usr/bin/nvidia-smi"}.get)
    monkeypatch.setattr("keras.distribution.list_devices", lambda: ["cpu:0"])
    *_, finding = doctor._devices()
    assert finding[:2] == ("GPU", "note")
    assert "GPU=1" in finding.remedy
