"""Long recordings run side by side, one process with one thread a core.

Two single-threaded trainings disturb each other less than one after the other with
two threads each, and a busy machine slows both alike. WORKERS sets another number of
processes, as a GPU needs that is shared.
"""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed

import record


def side_by_side(work, jobs):
    """Calls `work(*job)` for every job and yields the results as they come.

    Args:
        work: Function of a module; what it loads it should keep (`functools.cache`).
        jobs: Tuples of arguments.

    Yields:
        What `work` returns, in the order in which the calls end.
    """
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
    spawn = multiprocessing.get_context("spawn")
    num_workers = int(os.environ.get("WORKERS", os.cpu_count()))
    with ProcessPoolExecutor(num_workers, spawn) as pool:
        for future in as_completed([pool.submit(work, *job) for job in jobs]):
            yield future.result()


def complete(name, content, work, jobs, identify):
    """Runs what a record lacks, and writes each result as it comes.

    Args:
        name: Name of the record.
        content: What `record.begun` returns.
        work: As for `side_by_side`.
        jobs: Tuples of arguments, in the order in which the record holds the results.
        identify: Function from a result to its job.
    """
    finished = [identify(run) for run in content["runs"]]
    missing = [job for job in jobs if job not in finished]
    for result in side_by_side(work, missing):
        content["runs"].append(result)
        content["runs"].sort(key=lambda run: jobs.index(identify(run)))
        record.write(name, content)
