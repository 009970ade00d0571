import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas
import pytest
from scipy import stats

from cnnlab import records

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in (ROOT / "data" / "records").glob("*.jsonl"))
CONDITIONS = {"hardware", "versions", "commit", "checksum"}


def test_a_record_is_a_table_of_runs():
    runs = records.read("attention_ablation")
    assert len(runs) == 2 * 4 * 3
    assert all(
        seeds == [0, 1, 2] for seeds in runs.groupby(["network", "arm"]).seed.agg(list)
    )
    assert runs.test_accuracy.between(0.5, 0.8).all()
    assert all(len(history) == 6 for history in runs.history_val_accuracy)


def test_other_kinds_of_rows_stand_apart():
    costs = records.read("attention_ablation", kind="cost")
    assert len(costs) == 8
    assert "test_accuracy" not in costs
    assert costs.parameters.dtype.kind == "i"


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_flat_and_carries_its_conditions(name):
    for row in records.read_rows(name):
        assert list(row)[:4] == ["record", "kind", "arm", "seed"]
        assert row["record"] == name
        assert row.keys() >= CONDITIONS
        assert not any(isinstance(value, dict) for value in row.values())


def test_an_unknown_record_is_refused_and_the_known_ones_named():
    message = "(?s)must be a file.*Received: 'records/nothing.jsonl'.*onednn.jsonl"
    with pytest.raises(FileNotFoundError, match=message):
        records.read("nothing")


def test_an_unknown_kind_is_refused():
    message = "one of those in the record 'onednn': run. Received: 'cost'"
    with pytest.raises(ValueError, match=message):
        records.read("onednn", kind="cost")


def test_a_damaged_line_is_named(tmp_path, monkeypatch):
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "cut.jsonl").write_text('{"kind": "run"}\n{"kind": "r')
    monkeypatch.setattr(records, "IN_REPOSITORY", tmp_path)
    with pytest.raises(ValueError, match="one JSON object. Received: line 2 of .*cut"):
        records.read("cut")


@pytest.mark.parametrize(
    ("values", "options", "expected"),
    [
        ([90, 92], {}, "91.0 ± 1.4"),
        ([1, 3], {"sign": "+"}, "+2.0 ± 1.4"),
        ([95.48], {}, "95.5"),
        ([0.902, 0.904], {"decimals": 3}, "0.903 ± 0.001"),
    ],
)
def test_mean_and_standard_deviation_are_written(values, options, expected):
    assert records.format_mean_std(values, **options) == expected
    assert records.format_mean_std(pandas.Series(values), **options) == expected


def test_nothing_has_no_mean():
    with pytest.raises(ValueError, match=r"at least 1 number, one a seed.*\[\]"):
        records.format_mean_std([])


def test_the_interval_is_students():
    values = np.random.default_rng(0).normal(3, 2, 5)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert records.confidence_interval(values, 0.9) == pytest.approx(tuple(expected))


def test_the_interval_covers_the_mean_as_often_as_it_says():
    samples = np.random.default_rng(0).normal(size=(2_000, 3))
    intervals = np.array([records.confidence_interval(row) for row in samples])
    covered = np.mean((intervals[:, 0] < 0) & (intervals[:, 1] > 0))
    assert covered == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    ("values", "level", "message"),
    [
        ([1.0], 0.95, r"at least 2 numbers, one a seed. Received: \[1.0\]"),
        ([1, 2], 95, r"must lie in \(0, 1\). Received: 95"),
    ],
)
def test_an_interval_that_cannot_be_is_refused(values, level, message):
    with pytest.raises(ValueError, match=message):
        records.confidence_interval(values, level)


def table(*rows):
    return pandas.DataFrame(rows, columns=["arm", "seed", "test_accuracy"])


def test_differences_are_paired_by_seed_in_any_order():
    runs = table(("a", 1, 0.5), ("b", 0, 0.1), ("a", 0, 0.3), ("b", 1, 0.4))
    found = records.paired_differences(runs, "a", "b")
    assert found.index.tolist() == [0, 1]
    np.testing.assert_allclose(found, [0.2, 0.1])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", 0, 0.5), ("b", 1, 0.4)], r"same seeds. Received: 'a' with \[0\]"),
        ([("a", 0, 0.5)], r"one row a seed: .*'b' with the seeds \[\]"),
        ([("a", 0, 0.5), ("a", 0, 0.6)], r"one row a seed: .*'a' .* \[0, 0\]"),
    ],
)
def test_what_cannot_be_paired_is_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        records.paired_differences(table(*rows), "a", "b")


def test_rows_are_read_without_pandas():
    code = (
        "import sys; sys.modules['pandas'] = None\n"
        "from cnnlab import records\n"
        "print(len(records.read_rows('onednn')), records.format_mean_std([1, 2]))"
    )
    command = [sys.executable, "-c", code]
    options = {"capture_output": True, "text": True, "check": True, "cwd": ROOT}
    said = subprocess.run(command, **options).stdout
    assert said == "10 1.5 ± 0.7\n"


def test_a_wheel_holds_records_weights_and_pictures(tmp_path):
    source = tmp_path / "source"
    for name in ("cnnlab", "data"):
        shutil.copytree(ROOT / name, source / name)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = (
        f"from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})"
    )
    command = [sys.executable, "-c", build]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        content.extractall(tmp_path / "installed")
    code = (
        "from cnnlab import records; print(records.__file__)\n"
        "print(len(records.read('attention_ablation')))\n"
        "for name in ('checkpoints/modern_cnn_cifar10.keras', 'scenes.png'):\n"
        "    print(records.data_path(name).stat().st_size)\n"
        "from cnnlab.data import pretrained; print(len(pretrained.class_names()))"
    )
    places = os.pathsep.join([str(tmp_path / "installed"), *sys.path])
    environment = {**os.environ, "PYTHONPATH": places}
    options = {"capture_output": True, "text": True, "check": True}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, **options
    ).stdout.splitlines()
    assert re.search("installed.cnnlab.records.py$", said[0])
    sizes = [
        (ROOT / "data" / name).stat().st_size
        for name in ("checkpoints/modern_cnn_cifar10.keras", "scenes.png")
    ]
    assert said[1:] == ["24", *map(str, sizes), "1000"]
