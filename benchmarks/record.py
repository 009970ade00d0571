"""What a record says of its own making, and how it is written.

A script of this folder measures and writes data/records/NAME.json; lessons, README
and tests read it. No record is written by hand.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
import timeit
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "data" / "records"
HAS_TORCH = importlib.util.find_spec("torch") is not None
PACKAGES = ["keras", "tensorflow", "numpy", *(["torch"] if HAS_TORCH else [])]


def conditions(*packages):
    """Returns hardware, versions and commit: what a reader needs to judge a number.

    A machine that has the files and not the repository is told by COMMIT.

    Args:
        packages: Names of the distributions that matter.

    Returns:
        A dict with the keys `hardware`, `versions` and `commit`.
    """
    commit = (
        os.environ.get("COMMIT")
        or subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            cwd=ROOT,
        ).stdout.strip()
    )
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {
        "hardware": hardware(),
        "versions": {"python": platform.python_version(), **versions},
        "commit": commit,
    }


def hardware():
    """Returns what this machine computes with, in words."""
    return f"{_accelerator()}{_processor()}, {os.cpu_count()} cores"


def gigaflops(size=2_000, rounds=5):
    """Returns how fast NumPy multiplies matrices here, in 10^9 operations a second.

    Machines in a cloud are slowed down at times, to a seventh in one case seen. Seconds
    from such an hour say nothing of what took them.

    Args:
        size: Rows and columns of a matrix of float32.
        rounds: Products, of which the fastest counts.
    """
    matrix = np.ones((size, size), "float32")
    seconds = min(timeit.repeat(lambda: matrix @ matrix, number=1, repeat=rounds))
    return round(2 * size**3 / seconds / 1e9)


def multiplies_bfloat16():
    """Returns whether the processor has instructions for it; where none tells, no.

    Without them, a training in bfloat16 takes over ten times as long as in float32.
    """
    said = _told_by_the_processor()
    flags = said.get("flags") or said.get("Features", "")  # of x86, of ARM
    return any("bf16" in flag for flag in flags.split())


def runnable(names, in_torch, in_bfloat16):
    """Returns the names of those that can run here, and prints why others cannot.

    Args:
        names: Names of contestants.
        in_torch: Names of those that want PyTorch.
        in_bfloat16: Names of those that want a processor that multiplies bfloat16.
    """
    for wanted, is_here, reason in (
        (in_torch, HAS_TORCH, "PyTorch is not installed (requirements-bench.txt)"),
        (in_bfloat16, multiplies_bfloat16(), "no bfloat16 on this processor"),
    ):
        left_out = [] if is_here else [name for name in names if name in wanted]
        if left_out:
            print(f"Left out, {reason}: {'; '.join(left_out)}")
        names = [name for name in names if name not in left_out]
    return names


def _told_by_the_processor():
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    return dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)


def _processor():
    said = _told_by_the_processor()
    if "cpu family" not in said:
        return said.get("model name") or platform.processor()
    # Machines in a cloud may hide all but these, and differ twofold under one name.
    kind = f"family {said['cpu family']}, model {said['model']}"
    return f"{said['model name']} ({kind})"


def _accelerator():
    """Returns the GPU that JAX computes on, if it does; no other library is asked."""
    if os.environ.get("KERAS_BACKEND") != "jax":
        return ""
    import jax

    device = jax.devices()[0]
    return "" if device.platform == "cpu" else f"{device.device_kind} beside "


def read(name):
    """Returns the record `name`, or None if there is none yet."""
    path = RECORDS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def begun(name, data, budget, **others):
    """Returns the record to go on with: the one that is there, or a fresh one.

    A record that was begun with another budget, other data or versions is not mixed
    with new results: the script ends.

    Args:
        name: Name of the record.
        data: `cnnlab.data.fetch.DataInfo` of the images.
        budget: What every run may spend, a dict.
        others: What else the record says before its runs; `conditions` among it.

    Returns:
        A dict whose `runs` are those that are there already.
    """
    fresh = {
        "data": {"name": data.name, "source": data.source},
        "checksum": data.checksum,
        "budget": budget,
        **others,
        "runs": [],
    }
    content = read(name) or fresh
    for key in fresh.keys() - {"data", "hardware", "commit", "runs"}:
        if content.get(key) != fresh[key]:
            sys.exit(f"{name}.json was written with another {key}: {content.get(key)}")
    return content


def stated(values, sign=""):
    """Writes what seeds reached as README and the lessons do: a mean with its spread.

    Args:
        values: A number a seed, in percent or points; of one seed there is no spread.
        sign: "+" for changes.
    """
    spread = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):{sign}.1f}{spread}"


def rounded(history):
    """Returns what a training tells of its epochs in six decimals."""
    return {key: [round(v, 6) for v in values] for key, values in history.items()}


def write_card(path, rows, made, *before):
    """Writes the page beside a file of weights that says what it is.

    Args:
        path: The file; its checksum becomes the first row.
        rows: A dict from what is said to what there is to say of it.
        made: Command that made the file.
        before: Lines between the title and the table.
    """
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    rows = {"SHA-256": f"`{checksum}`", **rows}
    lines = [f"# {path.name}", "", *before, "| what | value |", "|---|---|"]
    lines += [f"| {key} | {value} |" for key, value in rows.items()]
    lines += ["", f"Made by `{made}`.", ""]
    path.with_suffix(".md").write_text("\n".join(lines))


def write(name, content):
    """Writes a record so that a reader never meets half of it."""
    RECORDS.mkdir(parents=True, exist_ok=True)
    part = RECORDS / f"{name}.part"
    part.write_text(json.dumps(content, indent=1) + "\n")
    part.replace(RECORDS / f"{name}.json")
