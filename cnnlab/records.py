"""A recorded experiment as a table, and how the numbers in it are written.

What does not fit a classroom's minute was run once by a script of `experiments/`, which
wrote one line of JSON a run to `data/records/<name>.jsonl`. Lessons, README and tests
read it here. pandas is imported only where a table is asked for, so that a machine
that records needs none.
"""

import json
from pathlib import Path

import numpy as np

SHIPPED = Path(__file__).with_name("shipped")  # in an installed wheel
IN_REPOSITORY = Path(__file__).resolve().parents[1] / "data"


def data_path(name):
    """Returns where a record, a checkpoint or a picture lies.

    It is found in the repository and in an installed wheel alike.

    Args:
        name: Path within `data/`, such as "checkpoints/modern_cnn_cifar10.keras".

    Returns:
        A `pathlib.Path`.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    folder = SHIPPED if SHIPPED.is_dir() else IN_REPOSITORY
    path = folder / name
    if not path.exists():
        known = sorted(p.name for p in path.parent.glob(f"*{path.suffix}"))
        raise FileNotFoundError(
            f"`name` must be a file of the folder {folder}. Received: {name!r}; "
            f"beside it lie: {', '.join(known) or 'no files of this kind'}"
        )
    return path


def read_rows(name):
    """Returns the rows of a record as a list of dicts, without pandas.

    Args:
        name: Name of the record, such as "attention_ablation".

    Raises:
        FileNotFoundError: If there is no such record.
        ValueError: If a line is not JSON, as in a damaged file.
    """
    path = data_path(f"records/{name}.jsonl")
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(
                f"Each line of a record must be one JSON object. Received: line "
                f"{number} of {path}, {line[:40]!r}; `git checkout` brings it back"
            ) from error
    return rows


def read(name, kind="run"):
    """Returns a recorded experiment as a table, one row a run.

    Args:
        name: Name of the record, such as "attention_ablation".
        kind: Which rows: "run" for what was trained or measured, "cost" for
            parameters and multiply-accumulates, "latency" for times of one image;
            some records have further kinds.

    Returns:
        A `pandas.DataFrame` with the columns `record`, `arm`, `seed`, the metrics and
        the conditions of each run (`hardware`, `versions`, `commit`, `checksum`,
        `seconds` and its budget). A history is a list in its row.

    Raises:
        FileNotFoundError: If there is no such record.
        ValueError: If the record has no rows of this kind.

    Example:

    >>> runs = read("attention_ablation")
    >>> runs.groupby(["network", "arm"]).test_accuracy.mean()
    """
    import pandas

    rows = read_rows(name)
    chosen = [row for row in rows if row["kind"] == kind]
    if not chosen:
        kinds = sorted({row["kind"] for row in rows})
        raise ValueError(
            f"`kind` must be one of those in the record {name!r}: {', '.join(kinds)}. "
            f"Received: {kind!r}"
        )
    return pandas.DataFrame(chosen)


def format_mean_std(values, sign="", decimals=1):
    """Writes values of several seeds as README and the lessons do: "59.6 ± 2.1".

    Args:
        values: One number a seed, in percent or points. A single value has no
            standard deviation and is written alone.
        sign: "+" to write the sign of a positive mean too.
        decimals: Digits after the point.

    Returns:
        Mean and sample standard deviation as a string.

    Raises:
        ValueError: If there are no values.
    """
    values = _checked(values, least=1)
    text = f"{values.mean():{sign}.{decimals}f}"
    if len(values) > 1:
        text += f" ± {values.std(ddof=1):.{decimals}f}"
    return text


def confidence_interval(values, level=0.95):
    """Returns the interval that covers the mean, by Student's t distribution.

    Args:
        values: One number a seed, at least two.
        level: Probability with which such an interval covers the true mean, in (0, 1).

    Returns:
        `(low, high)`, in the unit of the values.

    Raises:
        ValueError: If there are fewer than two values, or `level` is not in (0, 1).
    """
    from scipy import stats

    values = _checked(values, least=2)
    if not 0 < level < 1:
        raise ValueError(f"`level` must lie in (0, 1). Received: {level}")
    error = values.std(ddof=1) / np.sqrt(len(values))
    half = float(stats.t.ppf((1 + level) / 2, len(values) - 1) * error)
    return float(values.mean()) - half, float(values.mean()) + half


def paired_differences(runs, arm, baseline, metric="test_accuracy"):
    """Returns by how much one arm is ahead of another, seed by seed.

    Args:
        runs: A table as `read` returns it, with one row for each arm and seed.
        arm: Name of the arm.
        baseline: Name of the arm that it is compared with.
        metric: Column to compare.

    Returns:
        A `pandas.Series` of differences, indexed by seed.

    Raises:
        ValueError: If the arms were not run with the same seeds, once each.
    """
    columns = []
    for name in (arm, baseline):
        values = runs[runs.arm == name].set_index("seed")[metric].sort_index()
        if values.empty or not values.index.is_unique:
            raise ValueError(
                "Each arm needs one row a seed: filter the table first. "
                f"Received: arm {name!r} with the seeds {list(values.index)}"
            )
        columns.append(values)
    if not columns[0].index.equals(columns[1].index):
        seeds = [list(values.index) for values in columns]
        raise ValueError(
            "Both arms must have the same seeds. "
            f"Received: {arm!r} with {seeds[0]}, {baseline!r} with {seeds[1]}"
        )
    return columns[0] - columns[1]


def _checked(values, least):
    values = np.asarray(values, dtype=float).ravel()
    if len(values) < least:
        raise ValueError(
            f"`values` must hold at least {least} number{'s' if least > 1 else ''}, "
            f"one a seed. Received: {values.tolist()}"
        )
    return values
