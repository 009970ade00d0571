"""Archives: whose work it is, when it came; one file never stops the others."""

import io
import logging
import os
import subprocess
import sys
import warnings
import zipfile
import zlib
from datetime import datetime
from pathlib import Path

import pytest
from conftest import ASSIGNMENTS, TINY
from traitlets.config import PyFileConfigLoader

from cnnlab.classroom import archives, collect

REPOSITORY = Path(__file__).resolve().parents[2]
TIME = "2026-11-20-10-00-00"
END = f"_attempt_{TIME}_{TINY}.ipynb"
ZIPPED = f"_attempt_{TIME}_homework.zip"


def zipped(members, method=zipfile.ZIP_DEFLATED):
    """Packs `(name, content)` pairs or a dict into an archive; returns its bytes."""
    file, pairs = io.BytesIO(), getattr(members, "items", lambda: members)()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", method) as archive:
        warnings.simplefilter("ignore")  # of two members of one name
        for name, content in pairs:
            archive.writestr(name, content)
    return file.getvalue()


class Sorted:
    """What an archive folder gives: notebooks, times, who was left out."""

    def __init__(self, folder, files):
        place = folder / TINY / "archive"
        place.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        settings = PyFileConfigLoader("nbgrader_config.py", path=str(ASSIGNMENTS))
        plugin = collect.BoundedExtractor(config=settings.load_config())
        plugin.log = logging.getLogger("collect")
        extracted = folder / TINY / "extracted"
        plugin.extract(str(place), str(extracted))
        self.left_out, self.times, self.got = plugin.left_out, {}, {}
        for path in extracted.rglob("*.ipynb"):
            found = plugin.collector.collect(str(path))
            assert found["file_id"] == TINY
            self.times[found["student_id"]] = found["timestamp"]
            self.got[found["student_id"]] = path.read_bytes().decode()


@pytest.fixture
def sort(tmp_path):
    """Sorts files of an archive folder."""
    return lambda **files: Sorted(tmp_path, files.pop("files", files))


def bulk(members):
    """Packs the platform's archive."""
    return {"hw.zip": zipped(members)}


WHOSE = [
    (f"ann{END}", "ann"),
    (f"gradebook_ann{END}", "ann"),
    (f"Homework/gradebook_ann{END}", "ann"),
    (f"anna_lena{END}", "anna_lena"),
    (f"gradebook_anna_lena_maria{END}", "anna_lena_maria"),
    (f"_ann_{END}", "_ann_"),
    (f"bob_attempt_{TIME}_eve{END}", "bob"),
    (f"gradebook_bob_attempt_{TIME}_gradebook_eve{END}", "bob"),
    (f"bob_attempt_{TIME}_x/eve{END}", "bob"),
    (f"bob_attempt_{TIME}_../eve{END}", "bob"),
    (f"Özil{END}", "Özil"),
    (f"mu\u0308ller{END}", "müller"),
    (f"李雷{END}", "李雷"),
    (f"ann@example.org{END}", "ann@example.org"),
    (f"o.neil{END}", "o.neil"),
    (f"hw\\ann{END}", "ann"),
    (f"..{END}", None),
    (f"..x{END}", None),
    (f"a b{END}", None),
    (f"<b>{END}", None),
    (f"=1+1{END}", None),
    (f"\u202eann{END}", None),
    (f"{'x' * 65}{END}", None),
    (f"../../../ann{END}", None),
    (f"attempt_{TIME}_{TINY}.ipynb", None),
    (f"{TINY}.ipynb", None),
    (f"ann_attempt_2026-99-99-10-00-00_{TINY}.ipynb", None),
    (f"ann_attempt_99999999999999999999_{TINY}.ipynb", None),
    (f"ann_attempt_2026-11-20_{TINY}.ipynb", None),
]


@pytest.mark.parametrize(("name", "student"), WHOSE)
def test_the_first_part_of_the_platforms_name_decides(sort, caplog, name, student):
    found = sort(files=bulk({name: "it", f"zoe{END}": "hers"}))
    assert found.got == {"zoe": "hers"} | ({student: "it"} if student else {})
    assert bool(found.left_out) == (student is None)
    assert ("Left out" in caplog.text) == (student is None)


def test_names_inside_a_students_own_archive_decide_nothing(sort):
    inside = {f"bob_attempt_2020-01-01-00-00-00_{TINY}.ipynb": "eves"}
    found = sort(files=bulk({f"eve{ZIPPED}": zipped(inside), f"bob{END}": "bobs"}))
    assert found.got == {"bob": "bobs", "eve": "eves"}
    assert found.times["eve"] == datetime(2026, 11, 20, 10)


@pytest.mark.parametrize(
    "name", ["bob/../eve.ipynb", "/etc/x.ipynb", "../../x.ipynb", "C:\\x.ipynb"]
)
def test_paths_inside_a_students_own_archive_lead_nowhere(sort, name):
    found = sort(files=bulk({f"eve{ZIPPED}": zipped({name: "eves"})}))
    assert found.got == {"eve": "eves"}


def test_a_students_archive_may_lie_beside_others(sort):
    files = {f"ann{ZIPPED}": zipped({f"{TINY}.ipynb": "anns"}), f"bob{END}": "bobs"}
    assert sort(files=files | bulk({f"zoe{END}": "zoes"})).got == {
        "ann": "anns",
        "bob": "bobs",
        "zoe": "zoes",
    }


@pytest.mark.parametrize(
    ("inside", "taken"),
    [
        ({f"{TINY}.ipynb": "it"}, True),
        ({f"hw/{TINY}.ipynb": "it", "hw/scratch.ipynb": "other"}, True),
        ({f"{TINY}(1).ipynb": "it", "scratch.ipynb": "other"}, True),
        ({f"{TINY}-Copy1.ipynb": "it"}, True),
        ({f"{TINY}.IPYNB": "it"}, True),
        ({"solved.ipynb": "it", "notes.txt": "other"}, True),
        ({f"{TINY}.ipynb": "it", f"__MACOSX/._{TINY}.ipynb": "\0mac"}, True),
        ({f"{TINY}.ipynb": "it", f".ipynb_checkpoints/{TINY}.ipynb": "old"}, True),
        ({f"a/{TINY}.ipynb": "it", f"b/{TINY}.ipynb": "it"}, True),
        ({f"a/{TINY}.ipynb": "it", f"b/{TINY}.ipynb": "other"}, False),
        ({"a.ipynb": "one", "b.ipynb": "two"}, False),
        ({"solution.py": "print()"}, False),
        ({}, False),
    ],
)
def test_the_notebook_is_found_or_the_student_named(sort, inside, taken):
    found = sort(files=bulk({f"ann{ZIPPED}": zipped(inside)}))
    assert found.got == ({"ann": "it"} if taken else {})
    assert [name.split(",")[0] for name in found.left_out] == ([] if taken else ["ann"])


def test_files_of_a_mac_are_no_submissions(sort):
    name = f"gradebook_ann{END}"
    members = {f"Homework/{name}": "hers", f"__MACOSX/Homework/._{name}": "\0mac"}
    found = sort(files=bulk(members | {"__MACOSX/._x": "", ".DS_Store": ""}))
    assert (found.got, found.left_out) == ({"ann": "hers"}, [])


ATTEMPTS = ["2026-11-20-23-50-00", "2026-11-20-09-05-59", "2026-11-19-23-59-59"]


@pytest.mark.parametrize("order", [ATTEMPTS, ATTEMPTS[::-1]])
def test_the_latest_attempt_counts_wherever_it_lies(sort, order):
    names = {f"ann_attempt_{time}_{TINY}.ipynb": time for time in order}
    found = sort(files=bulk(names))
    assert found.got == {"ann": ATTEMPTS[0]}
    assert found.times["ann"] == datetime(2026, 11, 20, 23, 50)
    assert found.left_out == []


def test_a_broken_last_attempt_is_named_and_the_one_before_counts(sort):
    first = f"ann_attempt_2026-11-19-10-00-00_{TINY}.ipynb"
    found = sort(files=bulk({first: "first", f"ann{ZIPPED}": b"PK no zip"}))
    assert found.got == {"ann": "first"}
    assert found.left_out == ["ann, 2026-11-20 10:00:00"]


def test_other_files_of_a_platform_are_passed_over(sort):
    note = f"gradebook_ann_attempt_{TIME}.txt"
    found = sort(files=bulk({note: "a note", f"gradebook_ann{END}": "hers"}))
    assert (found.got, found.left_out) == ({"ann": "hers"}, [])


def test_who_handed_in_something_else_is_named(sort):
    found = sort(files=bulk({f"ann_attempt_{TIME}_homework.pdf": "%PDF"}))
    assert found.left_out == ["ann, 2026-11-20 10:00:00"]


def damaged(content, where=60):
    """Changes bytes in the middle of an archive."""
    return content[:where] + bytes(9) + content[where + 9 :]


def lying(content):
    """Claims in both headers of an archive that its member is small."""
    size = len(zlib.decompressobj(-15).decompress(b"")) + 10
    for begin, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(begin) + place
        content = content[:at] + size.to_bytes(4, "little") + content[at + 4 :]
    return content


def nested(depth):
    """Packs a notebook into an archive into an archive."""
    content, name = "it", f"{TINY}.ipynb"
    for _ in range(depth):
        content, name = zipped({name: content}), "inner.zip"
    return content


TEXT = os.urandom(3000).hex()
HOSTILE = {
    "no zip": b"no zip",
    "empty": b"",
    "cut": zipped({f"{TINY}.ipynb": TEXT})[:-40],
    "zlib": damaged(zipped({f"{TINY}.ipynb": TEXT})),
    "lzma": damaged(zipped({f"{TINY}.ipynb": TEXT}, zipfile.ZIP_LZMA), 90),
    "bz2": damaged(zipped({f"{TINY}.ipynb": TEXT}, zipfile.ZIP_BZIP2)),
    "end": zipped({f"{TINY}.ipynb": TEXT}).replace(TEXT[:1].encode(), b"", 1),
    "name": zipped({f"{TINY}ä.ipynb": "it"}).replace("ä".encode(), b"\xff\xfe"),
    "encrypted": zipped({f"{TINY}.ipynb": "it"}).replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"
    ),
    "method": zipped({f"{TINY}.ipynb": "it"}).replace(b"\x08\x00", b"\x63\x00"),
    "bomb": zipped({f"{TINY}.ipynb": bytes(21 * 10**6)}),
    "bombs": zipped({f"{n}.ipynb": bytes(9 * 10**6) for n in range(9)}),
    "lying": lying(zipped({f"{TINY}.ipynb": bytes(30 * 10**6)})),
    "members": zipped({f"{n}.txt": "" for n in range(60_000)}),
    "deep": nested(6),
    "members in depth": zipped(
        {f"{n}.zip": zipped({f"{m}": "" for m in range(100)}) for n in range(9)}
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_stops_nobody_else(sort, kind):
    members = {f"ann{END}": "anns", f"eve{ZIPPED}": HOSTILE[kind], f"zoe{END}": "zoes"}
    found = sort(files=bulk(members) | {f"eva{ZIPPED}": HOSTILE[kind]})
    assert found.got == {"ann": "anns", "zoe": "zoes"}
    assert sorted(name.split(",")[0] for name in found.left_out) == ["eva", "eve"]


def test_a_damaged_member_of_the_platforms_archive_is_one_students(sort):
    members = [(f"ann{END}", TEXT), (f"zoe{END}", "zoes")]
    found = sort(files={"hw.zip": damaged(zipped(members), 100)})
    assert found.got == {"zoe": "zoes"}
    assert found.left_out == ["ann, 2026-11-20 10:00:00"]


def test_a_damaged_archive_of_the_platform_is_named(sort):
    found = sort(files={"a.zip": b"no zip", "b.zip": zipped({f"ann{END}": "anns"})})
    assert (found.got, found.left_out) == ({"ann": "anns"}, ["a.zip"])


def test_budgets_are_not_shared(sort, monkeypatch):
    monkeypatch.setattr(archives, "MAX_BYTES", 1000)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 5)
    own = zipped({f"{TINY}.ipynb": "x" * 900} | {f"{n}.txt": "" for n in range(4)})
    found = sort(files=bulk({f"s{n}{ZIPPED}": own for n in range(20)}))
    assert len(found.got) == 20


def test_links_in_the_archive_folder_are_not_followed(sort, tmp_path):
    (tmp_path / "secret").write_text("secret")
    place = tmp_path / TINY / "archive"
    place.mkdir(parents=True)
    (place / f"eve{END}").symlink_to(tmp_path / "secret")
    (place / "more").symlink_to(tmp_path)
    assert sort(files={f"ann{END}": "anns"}).got == {"ann": "anns"}


def test_the_command_names_who_is_missing_and_fails(tmp_path):
    (tmp_path / "source").mkdir()
    text = (ASSIGNMENTS / "nbgrader_config.py").read_text()
    (tmp_path / "nbgrader_config.py").write_text(text)
    place = tmp_path / "downloaded" / TINY / "archive"
    place.mkdir(parents=True)
    members = {f"ann{END}": "anns", f"eve{ZIPPED}": b"no zip"}
    (place / "hw.zip").write_bytes(zipped(members))
    code = "from nbgrader.apps import NbGraderApp\n"
    code += f"NbGraderApp.launch_instance(['zip_collect', {TINY!r}])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "1 left out, the others collected: 'eve, 2026-11-20" in done.stderr
    assert "Traceback" not in done.stderr
    got = tmp_path / "submitted" / "ann" / TINY
    assert (got / f"{TINY}.ipynb").read_text() == "anns"
    assert (got / "timestamp.txt").read_text() == "2026-11-20 10:00:00"
