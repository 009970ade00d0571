"""The folder of a search: what it is of, and what became of each trial.

KerasTuner keeps a checkpoint and a trial.json for each trial; search.json,
training.json and report.json are ours. A text is written at once or not at all.

Taught in notebooks/09_architecture_search.ipynb.
"""

import json
import secrets
import zlib
from pathlib import Path

import keras_tuner
import numpy as np

ENDED = ("COMPLETED", "FAILED")
NO_REPORT = {"epochs": [], "core_seconds": None, "message": None}


def read_trials(directory):
    """Reads what a folder holds of a search, finished or not.

    Args:
        directory: Folder of a `Search`.

    Returns:
        A list of dicts in the order of the trials: `trial`, its number from 0;
        `status`, "COMPLETED", "FAILED" or "RUNNING"; `values`, a dict of what was
        chosen; `score`; `cost` and `diverged`, or None; `epochs`, a list of dicts of
        what each epoch told; `core_seconds` of training; `message` of a failure.
    """
    rows = []
    for path in sorted(Path(directory).glob("trial_*/trial.json"), key=_number):
        trial = keras_tuner.engine.trial.Trial.from_state(json.loads(path.read_text()))
        report = path.with_name("report.json")
        told = {
            name: float(trial.metrics.get_last_value(name))
            if trial.metrics.exists(name)
            else None
            for name in ("cost", "diverged")
        }
        rows.append(
            {
                "trial": _number(path),
                "status": trial.status,
                "values": trial.hyperparameters.values,
                "score": trial.score,
                **told,
                **(json.loads(report.read_text()) if report.exists() else NO_REPORT),
            }
        )
    return rows


def _number(path):
    return int(path.parent.name.removeprefix("trial_"))


def write(path, content):
    """Writes a file so that no kill leaves half of it, nor another process."""
    part = Path(f"{path}.{secrets.token_hex(4)}.part")
    part.write_text(json.dumps(content))
    part.replace(path)


def agree(folder, name, wanted):
    """Notes what a search is made of, or raises if the folder's is made otherwise."""
    path = folder / f"{name}.json"
    wanted = json.loads(json.dumps(wanted))
    if not path.exists():
        if (folder / "oracle.json").exists():
            raise ValueError(
                "A folder must hold a search of cnnlab or none. "
                f"Received: {folder}, which has oracle.json and no {path.name}"
            )
        folder.mkdir(parents=True, exist_ok=True)
        return write(path, wanted)
    found = json.loads(path.read_text())
    differences = [
        f"{key} {wanted.get(key)!r} in place of {found.get(key)!r}"
        for key in sorted(found.keys() | wanted.keys())
        if found.get(key) != wanted.get(key)
    ]
    if differences:
        raise ValueError(
            f"The folder {folder} holds another search: choose another folder, or "
            f"go on as it was begun. Received: {'; '.join(differences)}"
        )


def fingerprint(images, labels):
    """Returns shape and checksum of a set of images."""
    checksum = zlib.crc32(np.ascontiguousarray(images))
    checksum = zlib.crc32(np.ascontiguousarray(labels), checksum)
    return [list(images.shape), checksum]
