"""What a record says of its own making, and how it is written.

A script of this folder measures and writes data/records/NAME.json; lessons, README
and tests read it. No record is written by hand.
"""

import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "data" / "records"


def conditions(*packages):
    """Returns hardware, versions and commit: what a reader needs to judge a number.

    Args:
        packages: Names of the distributions that matter.

    Returns:
        A dict with the keys `hardware`, `versions` and `commit`.
    """
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {
        "hardware": f"{_processor()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version(), **versions},
        "commit": commit.stdout.strip(),
    }


def _processor():
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.processor()


def read(name):
    """Returns the record `name`, or None if there is none yet."""
    path = RECORDS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def write(name, content):
    """Writes a record so that a reader never meets half of it."""
    RECORDS.mkdir(parents=True, exist_ok=True)
    part = RECORDS / f"{name}.part"
    part.write_text(json.dumps(content, indent=1) + "\n")
    part.replace(RECORDS / f"{name}.json")
