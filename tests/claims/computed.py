"""What a claim may use: records as numbers, and how numbers are written.

`tests/claims/NN.toml` ties sentences of lesson NN to the records, `README.toml` those
of README. A claim is a fragment of text as it stands there, and what it rests on:

    [[claim]]
    text = "Modern CNN 59.6 ± 2.1 %"
    computed = "Modern CNN {mean_std(percent('ablation', arm='modern CNN'))} %"
    holds = ["gained('ablation', 'simple CNN', 'modern CNN').max() < 0"]

`computed` is an f-string that must come out as the text; every expression of `holds`
must be true. At least one of the two stands in each claim.
"""

import functools
import json
import re
from pathlib import Path

import numpy as np
import pandas

from cnnlab import records

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def rows(name, kind="run", **where):
    """Returns the rows of a record whose columns have these values, by seed."""
    found = records.read(name, kind)
    for column, value in where.items():
        found = found[found[column].isna() if value is None else found[column] == value]
    if found.empty:
        raise ValueError(f"No row of the record {name!r}, {kind!r}, has {where}.")
    return found.sort_values("seed", kind="stable")


def values(name, column, kind="run", **where):
    """Returns one column of such rows as an array."""
    return np.array(rows(name, kind, **where)[column].tolist())


def value(name, column, kind="run", **where):
    """Returns the one value that this column has in all such rows."""
    found = rows(name, kind, **where)[column].map(str).unique()
    if len(found) != 1:
        raise ValueError(f"{column!r} must have one value. Received: {found}")
    return rows(name, kind, **where)[column].iloc[0]


def percent(name, column="test_accuracy", **where):
    """Returns accuracies in percent, one a seed."""
    return 100 * values(name, column, **where)


def gained(name, arm, baseline, column="test_accuracy", **where):
    """Returns by how many points one arm is ahead of another, seed by seed."""
    runs = rows(name, **where)
    return 100 * records.paired_differences(runs, arm, baseline, column).to_numpy()


def signed(text):
    """Writes negative numbers with a minus sign, as prose does."""
    return str(text).replace("-", "−")


def printed(lesson, pattern):
    """Returns the first group of a line that a lesson's stored outputs hold, once.

    For what a lesson computes from a record in more than an expression. That its
    outputs come out again is proved when the lesson is executed.
    """
    (path,) = NOTEBOOKS.glob(f"{lesson}_*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    text = "".join("".join(output.get("text", ())) for output in outputs)
    (found,) = re.findall(f"^{pattern}$", text, re.MULTILINE)
    return found


NAMESPACE = {
    "functools": functools,
    "printed": printed,
    "confidence_interval": records.confidence_interval,
    "gained": gained,
    "mean_std": records.format_mean_std,
    "np": np,
    "pandas": pandas,
    "percent": percent,
    "rows": rows,
    "signed": signed,
    "value": value,
    "values": values,
}


def evaluate(expression, names):
    """Returns the value of an expression over the helpers above and `names`."""
    return eval(expression, {**NAMESPACE, **names})


def fill(template, names):
    """Returns a text whose braces are filled in, as in an f-string."""
    return evaluate(f'f"""{template}"""', names)
