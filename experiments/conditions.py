"""On what a run was made: hardware, versions of libraries, and clean source."""

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WRITTEN = ("data/records", "data/checkpoints", "README.md")  # by recordings themselves


def conditions(packages):
    """Returns `hardware`, `versions` and `commit`, which every run carries.

    Args:
        packages: Names of the distributions that matter.
    """
    versions = {"python": platform.python_version()}
    versions |= {name: importlib.metadata.version(name) for name in packages}
    return {
        "hardware": hardware(),
        "versions": ", ".join(
            f"{name} {version}" for name, version in versions.items()
        ),
        "commit": clean_commit(),
    }


def clean_commit(root=ROOT):
    """Returns the commit of the source, or ends the process if the source was changed.

    A machine that has the files but not the repository is told by the environment
    variable COMMIT.
    """
    if "COMMIT" in os.environ:
        return os.environ["COMMIT"]
    excluded = [f":(exclude){path}" for path in WRITTEN]
    changed = _git(root, "status", "--porcelain", "--", ".", *excluded)
    if changed:
        sys.exit(
            "A record is written by committed source only, so that its commit says "
            f"what made it. Received changes:\n{changed}\nCommit them first."
        )
    return _git(root, "rev-parse", "--short", "HEAD")


def _git(root, *arguments):
    command = ["git", *arguments]
    said = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if said.returncode:
        sys.exit(
            "The source's commit must be known: run in the repository, or set COMMIT. "
            f"Received from git: {said.stderr.strip()}"
        )
    return said.stdout.rstrip()


def hardware():
    """Returns what this machine computes with, by family and model."""
    return f"{_accelerator()}{_processor()}, {os.cpu_count()} cores"


def multiplies_bfloat16():
    """Returns whether the processor has instructions for bfloat16; if unknown, False.

    Without them, a training in bfloat16 takes over ten times as long as in float32.
    """
    described = _describe_processor()
    flags = described.get("flags") or described.get("Features", "")  # of x86, of ARM
    return any("bf16" in flag for flag in flags.split())


def _describe_processor():
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    return dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)


def _processor():
    described = _describe_processor()
    if "cpu family" not in described:
        return described.get("model name") or platform.processor()
    # Machines in a cloud may hide all but these, and differ twofold under one name.
    kind = f"family {described['cpu family']}, model {described['model']}"
    return f"{described['model name']} ({kind})"


def _accelerator():
    """Returns the GPU that JAX computes on, if it does; no other library is asked."""
    if os.environ.get("KERAS_BACKEND") != "jax":
        return ""
    import jax

    device = jax.devices()[0]
    return "" if device.platform == "cpu" else f"{device.device_kind} beside "
