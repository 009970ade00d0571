"""Archives: what is collected, and what would fill the disk or stop the others."""

import logging
import zipfile
from pathlib import Path

import pytest

from cnnlab.classroom import collect

END = "_attempt_2026-11-20-10-00-00_90_tiny.ipynb"


def extracted(tmp_path, caplog, members):
    """Packs members into an archive, unpacks it, lists what lies there afterwards."""
    (tmp_path / "archive").mkdir()
    with zipfile.ZipFile(
        tmp_path / "archive" / "hw.zip", "w", zipfile.ZIP_DEFLATED
    ) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    plugin = collect.BoundedExtractor()
    plugin.log = logging.getLogger()
    plugin.extract(str(tmp_path / "archive"), str(tmp_path / "extracted"))
    found = (tmp_path / "extracted").rglob("*")
    return {str(p.relative_to(tmp_path / "extracted")) for p in found if p.is_file()}


def test_a_bomb_is_left_out_and_the_others_are_not(tmp_path, caplog):
    members = {f"ann{END}": "{}", f"eve{END}": bytes(21 * 10**6), f"zoe{END}": "{}"}
    assert extracted(tmp_path, caplog, members) == {f"hw/ann{END}", f"hw/zoe{END}"}
    assert f"'eve{END}': more than 20 MB" in caplog.text


def test_many_members_stop_at_what_is_allowed_in_all(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(collect, "ALL_MEGABYTES", 5)
    members = {f"{n}.txt": bytes(10**6) for n in range(9)}
    assert len(extracted(tmp_path, caplog, members)) == 5
    monkeypatch.setattr(collect, "ALL_FILES", 3)
    members = {f"{n}.txt": "" for n in range(9)}
    (tmp_path / "files").mkdir()
    assert len(extracted(tmp_path / "files", caplog, members)) == 3


def nested(content, depth):
    """Packs a notebook into an archive into an archive."""
    for _ in range(depth):
        inner = Path(content["path"]) / "inner.zip"
        with zipfile.ZipFile(inner, "w") as archive:
            archive.writestr(content["name"], content["content"])
        content |= {"name": "inner.zip", "content": inner.read_bytes()}
    return {content["name"]: content["content"]}


def test_archives_in_archives_are_unpacked_to_a_depth(tmp_path, caplog):
    for depth, count in ((1, f"ann{END}"), (3, "inner.zip")):
        place = tmp_path / str(depth)
        place.mkdir()
        members = {"path": place, "name": f"ann{END}", "content": b"{}"}
        (found,) = extracted(place, caplog, nested(members, depth))
        assert found.endswith(count)


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt"])
def test_a_name_that_leads_out_is_left_out(tmp_path, caplog, name):
    assert extracted(tmp_path, caplog, {name: "x", "in.txt": "x"}) == {"hw/in.txt"}
    assert not list(tmp_path.rglob("out.txt"))


def test_a_file_that_is_no_archive_is_left_out(tmp_path, caplog):
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "bad.zip").write_bytes(b"no zip")
    plugin = collect.BoundedExtractor()
    plugin.log = logging.getLogger()
    plugin.extract(str(tmp_path / "archive"), str(tmp_path / "extracted"))
    assert "Left out bad" in caplog.text


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("ann_attempt_2026-11-20-10-00-00_hw.ipynb", True),
        (".._attempt_2026-11-20-10-00-00_hw.ipynb", False),
        ("ann_attempt_2026-99-99-10-00-00_hw.ipynb", False),
        ("ann_attempt_99999999999999999999_hw.ipynb", False),
    ],
)
def test_a_student_and_a_time_must_be_possible(caplog, name, taken):
    plugin = collect.CarefulCollector(
        named_regexp=r".*/(?P<student_id>[a-z.]+)_attempt_(?P<timestamp>[0-9-]+)"
        r"_(?P<file_id>\w+)"
    )
    plugin.log = logging.getLogger()
    found = plugin.collect(f"/extracted/{name}")
    assert bool(found) == taken
    assert taken or "Left out" in caplog.text
