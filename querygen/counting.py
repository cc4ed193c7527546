"""What counting commands share: hashes of the inputs, processes that fit the memory, progress bars."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import fsspec
import pyarrow as pa
from tqdm import tqdm

from querygen.allocator import keep_freed_memory, start_worker
from querygen.config import GIGABYTES_PER_PROCESS
from querygen.count_dump import DumpCounts, count_units, prepare
from querygen.dump_units import DumpUnit, plan_units
from querygen.merge_runs import MergedCounts, merge_runs, num_steps
from querygen.ngrams import DEFAULT_MAX_PAIRS
from querygen.runs import RunName
from schemas.public_url import base_name
from schemas.storage import Folder, file_size

MIN_UNIT_BYTES = 8 << 20
MAX_UNIT_BYTES = 64 << 20
UNITS_WANTED = 16
"""Units of a small input: enough for many processes to end together."""


@contextlib.contextmanager
def processes(num_processes: int, memory_gb: float) -> Iterator[Executor | None]:
    """Yield a pool of processes, None for one: that works in this process."""
    number = min(num_processes or len(os.sched_getaffinity(0)), max(1, int(memory_gb // GIGABYTES_PER_PROCESS)))
    keep_freed_memory()
    if number == 1:
        yield None
        return
    # spawn: a fork of a process with Arrow's threads may hang
    pool = ProcessPoolExecutor(number, mp_context=get_context("spawn"), initializer=start_worker)
    for _ in range(number):  # they start and make their tables while this process looks at the input
        pool.submit(prepare, DEFAULT_MAX_PAIRS)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def plan(paths: list[str], sizes: list[int]) -> tuple[list[DumpUnit], list[str]]:
    """Return the units of the dump files, by their sizes only, and what the user should know of them."""
    unit_bytes = min(max(sum(sizes) // UNITS_WANTED, MIN_UNIT_BYTES), MAX_UNIT_BYTES)
    notes: list[str] = []
    return plan_units(paths, unit_bytes, notes.append), notes


def count(folder: Folder, units: list[DumpUnit], language: str, pool: Executor | None) -> DumpCounts:
    """Count the units into runs in `folder`, with a progress bar."""
    with bar(sum(unit.num_bytes for unit in units), "counting") as progress:
        return count_units(folder, units, language, DEFAULT_MAX_PAIRS, pool, progress.update)


def merge(
    runs: list[RunName], min_word_count: int, word_floor: int, bigram_floor: int, pool: Executor | None,
    use_words: Callable[[pa.Table], Any] = lambda words: None,
) -> MergedCounts:  # fmt: skip
    """Sum the runs, with a progress bar; `use_words` is given the words before the bigrams are done."""
    with tqdm(total=num_steps(len(runs)), desc="merging counts", unit="step", disable=None) as progress:
        return merge_runs(
            runs, word_floor=word_floor, bigram_word_floor=min_word_count, bigram_floor=bigram_floor, pool=pool,
            progress=progress.update, use_words=use_words,
        )  # fmt: skip


def bar(num_bytes: int, description: str) -> Any:
    """Return a progress bar over bytes; it is quiet when nobody watches."""
    return tqdm(total=num_bytes, unit="B", unit_scale=True, desc=description, disable=None)


def digests(paths: list[str], description: str = "hashing inputs") -> list[dict[str, Any]]:
    """Return name, bytes and SHA-256 of each file: its place in the run's identity.

    Raises ValueError for two files with the same bytes: they would count twice.
    """
    found: list[dict[str, Any]] = []
    first: dict[str, str] = {}
    with bar(sum(map(file_size, paths)), description) as progress:
        for path in paths:
            whole, size = hashlib.sha256(), 0
            with fsspec.open(path, "rb") as source:
                while block := source.read(1 << 20):
                    whole.update(block)
                    size += len(block)
                    progress.update(len(block))
            if size and whole.hexdigest() in first:
                raise ValueError(f"{path} has the same bytes as {first[whole.hexdigest()]}; give each file once")
            first[whole.hexdigest()] = path
            found.append({"name": base_name(path), "bytes": size, "sha256": whole.hexdigest()})
    return found
