"""Declares an experiment, runs what its record lacks, and writes each run at once.

A record is `data/records/<name>.jsonl`: one flat JSON object a run, with its arm, seed,
metrics, budget and conditions. pandas is not needed here: recordings run on machines
that have none.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from experiments.conditions import ROOT, conditions
from experiments.workers import side_by_side

RECORDS = ROOT / "data" / "records"


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What is asked, on which data, with which budget, in which runs.

    Attributes:
        name: Name of the record, and of the experiment on the command line.
        question: What it asks, as CONTRIBUTING's table has it.
        run: Function of a module from one job, `run(arm=..., seed=...)`, to a row or a
            list of rows; a row is a dict of metrics.
        data: Function that returns a `cnnlab.data.fetch.DataInfo`, or None.
        budget: What every run may spend, a flat dict; it stands in every row.
        arms: Names of the arms, or dicts of the columns that name a job.
        seeds: Seeds of every arm; empty where nothing is drawn.
        minutes: How long all runs take on two slow cores, or on a GPU.
        device: "cpu" or "gpu".
        record: Name of the record where it is another's.
        kind: Of the rows: "run", "latency" or another.
        costs: Function that returns rows of kind "cost", written before all runs.
        packages: Names of the distributions whose versions matter.
        alone: Whether runs follow each other in this process, as timings do.
        apart: Whether each run has a process of its own, one after the other.
        anew: Whether every start measures anew, in place of what was recorded.
        finish: Function of all rows, called when the record is complete.
    """

    name: str
    question: str
    run: Callable
    minutes: float
    data: Callable | None = None
    budget: dict = field(default_factory=dict)
    arms: Sequence = ()
    seeds: Sequence = ()
    device: str = "cpu"
    record: str = ""
    kind: str = "run"
    costs: Callable | None = None
    packages: Sequence = ("keras", "numpy")
    alone: bool = False
    apart: bool = False
    anew: bool = False
    finish: Callable | None = None

    def __post_init__(self):
        if self.device not in ("cpu", "gpu"):
            raise ValueError(
                f"`device` must be 'cpu' or 'gpu'. Received: {self.device!r}"
            )
        nested = [key for key, value in self.budget.items() if isinstance(value, dict)]
        if nested:
            raise ValueError(
                "`budget` must be flat, since it stands in the columns of every run. "
                f"Received dicts under: {', '.join(nested)}"
            )
        object.__setattr__(self, "record", self.record or self.name)

    def jobs(self):
        """Returns the arguments of every run, a dict each, seed by seed."""
        arms = [arm if isinstance(arm, dict) else {"arm": arm} for arm in self.arms]
        seeds = [{"seed": seed} for seed in self.seeds]
        return [{**arm, **seed} for seed in seeds or [{}] for arm in arms or [{}]]

    def missing(self, rows):
        """Returns the jobs of which a record holds no row yet."""
        rows = [row for row in rows if row["kind"] == self.kind]
        return [
            job for job in self.jobs() if not any(is_of_job(row, job) for row in rows)
        ]


def is_of_job(row, job):
    """Returns whether a row is the result of a job."""
    return all(row.get(key) == value for key, value in job.items())


def read_rows(name, folder=None):
    """Returns the rows of a record, or an empty list where there is none yet."""
    path = (folder or RECORDS) / f"{name}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def write_rows(name, rows, folder=None):
    """Writes a record whole, so that no reader and no crash ever sees half of it."""
    folder = folder or RECORDS
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{name}.part"
    lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows]
    with part.open("w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / f"{name}.jsonl")


def check_resume(experiment, rows, circumstances):
    """Ends the process rather than mix runs of other data or another budget.

    Another machine or other versions are no reason to stop: every run carries its own.
    They are printed, since seconds of two machines cannot be compared.
    """
    expected = json.loads(json.dumps(experiment.budget))
    if experiment.data:
        expected["checksum"] = circumstances["checksum"]
    for row in rows:
        for key, value in expected.items():
            if row["kind"] == experiment.kind and row.get(key) != value:
                sys.exit(
                    f"All runs of a record must have the same {key}. Received: "
                    f"{value!r}, recorded in {experiment.record}.jsonl: "
                    f"{row.get(key)!r}. Move that file away to record anew."
                )
    for key in ("hardware", "versions"):
        others = {row[key] for row in rows if row["kind"] == experiment.kind}
        for other in sorted(others - {circumstances[key]}):
            print(f"Recorded before on: {other}\nThis start is on:   ", end="")
            print(f"{circumstances[key]}. Each run says its own.")


def complete(experiment):
    """Runs what the record of an experiment lacks; each run is written as it ends."""
    name, rows = experiment.record, read_rows(experiment.record)
    if experiment.anew:
        rows = [row for row in rows if row["kind"] not in (experiment.kind, "summary")]
    jobs, missing = experiment.jobs(), experiment.missing(rows)
    print(f"{experiment.name}: {len(missing)} of {len(jobs)} runs to do.")
    if not missing:
        return
    here = describe_here(experiment)
    check_resume(experiment, rows, here)
    if experiment.costs and not any(row["kind"] == "cost" for row in rows):
        costs = [{"kind": "cost", **row} for row in experiment.costs()]
        rows += [as_row(experiment, {}, cost, here) for cost in costs]
    results = side_by_side(timed, experiment, missing)
    for done, (job, found) in enumerate(results, 1):
        rows += [as_row(experiment, job, each, here) for each in found]
        rows.sort(key=lambda row: _place(row, experiment.kind, jobs))
        write_rows(name, rows)
        print(f"{experiment.name}: {done} of {len(missing)} done, {job}", flush=True)
    if experiment.finish:
        experiment.finish(rows)


def describe_here(experiment):
    """Returns the conditions of this start: machine, versions, commit, and the data."""
    data = experiment.data() if experiment.data else None
    return {
        "data": getattr(data, "name", None),
        "source": getattr(data, "source", None),
        "checksum": getattr(data, "checksum", None),
        **conditions(experiment.packages),
    }


def timed(run, job):
    """Runs one job; returns its rows, each with the seconds that it took."""
    started = time.perf_counter()
    found = run(**job)
    seconds = round(time.perf_counter() - started, 1)
    rows = found if isinstance(found, list) else [found]
    return [row if "seconds" in row else {**row, "seconds": seconds} for row in rows]


def as_row(experiment, job, result, circumstances):
    """Returns one flat row of a record: what was run, what came out, and on what."""
    row = {"record": experiment.record, "kind": experiment.kind}
    row |= {"arm": None, "seed": None, **job, **result}
    for key, value in {**experiment.budget, **circumstances}.items():
        if row.setdefault(key, value) != value:
            raise ValueError(
                f"A run must not change the column {key!r}, which the budget or the "
                f"conditions fill with {value!r}. Received: {row[key]!r}"
            )
    nested = [key for key, value in row.items() if isinstance(value, dict)]
    if nested:
        raise ValueError(f"Rows must be flat. Received dicts: {', '.join(nested)}")
    return row


def _place(row, kind, jobs):
    """Returns where a row stands: costs, then runs in the order of the jobs, others."""
    if row["kind"] == "cost":
        return -1
    places = [n for n, job in enumerate(jobs) if is_of_job(row, job)]
    return places[0] if row["kind"] == kind and places else len(jobs)
