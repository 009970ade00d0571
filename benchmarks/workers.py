"""Long recordings run side by side, one process with one thread a core.

Two single-threaded trainings disturb each other less than one after the other with
two threads each, and a busy machine slows both alike.
"""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed


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
    with ProcessPoolExecutor(os.cpu_count(), spawn) as pool:
        for future in as_completed([pool.submit(work, *job) for job in jobs]):
            yield future.result()
