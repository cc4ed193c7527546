"""What counting commands share: hashes of the inputs, processes that fit the memory, progress bars."""

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import pyarrow as pa
from tqdm import tqdm

from querygen.counts.count_pages import DumpCounts, count_units
from querygen.counts.merge_runs import MergedCounts, merge_runs, num_steps
from querygen.counts.ngrams import DEFAULT_MAX_PAIRS
from querygen.counts.runs import RunName
from querygen.text.segment import Segmenter
from querygen.wiki.units import DumpUnit, plan_units
from querygen.workers.progress import bar
from schemas.storage import Folder

MIN_UNIT_BYTES = 8 << 20
MAX_UNIT_BYTES = 64 << 20
UNITS_WANTED = 16
"""Units of a small input: enough for many processes to end together."""


def plan(paths: list[str], sizes: list[int]) -> tuple[list[DumpUnit], list[str]]:
    """Return the units of the dump files, by their sizes only, and what the user should know of them."""
    unit_bytes = min(max(sum(sizes) // UNITS_WANTED, MIN_UNIT_BYTES), MAX_UNIT_BYTES)
    notes: list[str] = []
    return plan_units(paths, unit_bytes, notes.append), notes


def count(folder: Folder, units: list[DumpUnit], segmenter: Segmenter, pool: Executor | None) -> DumpCounts:
    """Count the units into runs in `folder`, with a progress bar."""
    with bar(sum(unit.num_bytes for unit in units), "counting") as progress:
        return count_units(folder, units, segmenter, DEFAULT_MAX_PAIRS, pool, progress.update)


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
