"""Long recordings run side by side, one process with one thread a core.

Two single-threaded trainings disturb each other less than one after the other with
two threads each, and a busy machine slows both alike. WORKERS sets another number of
processes, as a GPU needs that is shared.
"""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed


def side_by_side(work, experiment, jobs):
    """Does every job and yields the results as they come.

    Args:
        work: Function of a module, called as `work(experiment.run, job)`.
        experiment: The `Experiment`; what its `run` loads it should keep
            (`functools.cache`).
        jobs: Dicts of arguments.

    Yields:
        `job, result`, in the order in which they end.
    """
    if experiment.alone:
        for job in jobs:
            yield job, work(experiment.run, job)
        return
    spawn = multiprocessing.get_context("spawn")
    options = {"max_workers": 1, "max_tasks_per_child": 1}
    if not experiment.apart:
        os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
        options = {"max_workers": int(os.environ.get("WORKERS", os.cpu_count()))}
    with ProcessPoolExecutor(mp_context=spawn, **options) as pool:
        futures = {pool.submit(work, experiment.run, job): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future], future.result()
