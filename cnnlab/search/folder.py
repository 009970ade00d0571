"""The folder of a search: what it is of, and what became of each trial.

KerasTuner keeps a checkpoint and a trial.json for each trial; search.json,
training.json and report.json are ours. A JSON file is whole or not there; a checkpoint
of a trial that was cut short may be half one, and is written over when it is run anew.

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
        `status`, one of `ENDED`, or another while the trial goes on; `values`, a dict
        of what was chosen; `score`; `cost` and `diverged`, or None; `epochs`, a list of
        dicts of what each epoch told; `core_seconds`, seconds of training summed over
        the cores, or None; `message` of a failure, or None.
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
    """Writes JSON so that no kill leaves half a file, nor another process that writes.

    Args:
        path: The file; its folder must be there.
        content: What `json` can write.
    """
    part = Path(f"{path}.{secrets.token_hex(4)}.part")
    part.write_text(json.dumps(content))
    part.replace(path)


def agree(folder, name, wanted):
    """Notes what a search is made of, or sees that the folder's is made like it.

    Args:
        folder: `Path` of the search; it is made if it is missing.
        name: Of the file, without its ending.
        wanted: Dict of what `json` can write.

    Raises:
        ValueError: If the folder's search is made otherwise, or not by cnnlab.
    """
    path = folder / f"{name}.json"
    wanted = json.loads(json.dumps(wanted))  # tuples are lists there
    begun = (folder / "oracle.json").exists()  # another process writes it after `path`
    if not path.exists():
        if begun:
            raise ValueError(
                "A folder must hold a search of cnnlab or none: choose another folder. "
                f"Received: {folder}, which has oracle.json and no {path.name}"
            )
        folder.mkdir(parents=True, exist_ok=True)
        write(path, wanted)
        return
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
    """Returns what tells one set of images from another, in numbers and lists.

    Args:
        images: Array, shape `(N, ...)`.
        labels: Array, shape `(N,)`.

    Returns:
        The shape of `images`, and a checksum of the bytes of both.
    """
    checksum = zlib.crc32(np.ascontiguousarray(images))
    checksum = zlib.crc32(np.ascontiguousarray(labels), checksum)
    return [list(images.shape), checksum]
