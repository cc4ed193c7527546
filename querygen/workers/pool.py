"""A pool of processes that fit the memory, started early."""

import contextlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context

from querygen.config import GIGABYTES_PER_PROCESS
from querygen.workers.allocator import keep_freed_memory, start_worker


@contextlib.contextmanager
def processes(num_processes: int, memory_gb: float, prepare: Callable[[], None]) -> Iterator[Executor | None]:
    """Yield a pool of processes that were told to `prepare`, None for one: that works in this process."""
    number = min(num_processes or len(os.sched_getaffinity(0)), max(1, int(memory_gb // GIGABYTES_PER_PROCESS)))
    keep_freed_memory()
    if number == 1:
        yield None
        return
    # spawn: a fork of a process with Arrow's threads may hang
    pool = ProcessPoolExecutor(number, mp_context=get_context("spawn"), initializer=start_worker)
    for _ in range(number):  # they start and make their tables while this process looks at the input
        pool.submit(prepare)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
