"""Near-duplicates by `pipeline filter` beside all pairs compared by numpy: processor time, and how many are found.

Run by `make bench BENCH=filter`. Features are float16 around 1,000 centres, as those of real images crowd; two fifths
are noisy copies of earlier ones, at cosines from 0.88 to 0.999. numpy compares float32 tiles of the half of the matrix
below its diagonal, the least that all pairs cost. Twice the rows show how the cost grows.
"""

import os
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from pipeline.similarity.config import FilterConfig
from pipeline.similarity.job import run_filter
from tests.bench.cpu_seconds import cpu_seconds
from tests.bench.timing import line
from tests.support.feature_folders import unit_rows, write_features

ROWS = int(os.environ.get("BENCH_FILTER_ROWS", "40000"))
WIDTH, LIKE, PART_ROWS, TILE_ROWS = 512, 0.95, 16_384, 4_096
WANTED_FOUND, WANTED_GROWTH = 0.99, 2**1.6
"""Of what all pairs find; how many times the cost twice the rows may take: 2 ** 1.5, and what is measured roughly."""


def made(rows: int) -> npt.NDArray[np.float16]:
    """Return features of length one, made 20,000 at a time."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((1_000, WIDTH), dtype=np.float32)
    found = np.empty((rows, WIDTH), dtype=np.float16)
    for start in range(0, rows, 20_000):
        num = min(20_000, rows - start)
        part = centres[rng.integers(0, 1_000, num)] + rng.standard_normal((num, WIDTH), dtype=np.float32)
        if start:
            copies = found[rng.integers(0, start, num)].astype(np.float32) * WIDTH**0.5
            noise = rng.choice([0.05, 0.2, 0.35, 0.5], (num, 1)) * rng.standard_normal((num, WIDTH), dtype=np.float32)
            is_copy = rng.random(num) < 0.4
            part[is_copy] = (copies + noise)[is_copy]
        found[start : start + num] = unit_rows(part)
    return found


def by_all_pairs(half: npt.NDArray[np.float16]) -> set[int]:
    """Return the rows that are like an earlier one."""
    rows = half.astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = np.zeros(len(rows), dtype=bool)
    for begin in range(0, len(rows), TILE_ROWS):
        own = rows[begin : begin + TILE_ROWS]
        for other in range(0, begin, TILE_ROWS):
            found[begin : begin + len(own)] |= (own @ rows[other : other + TILE_ROWS].T >= LIKE).any(axis=1)
        found[begin : begin + len(own)] |= np.tril(own @ own.T >= LIKE, -1).any(axis=1)
    return set(np.flatnonzero(found).tolist())


def by_filter(half: npt.NDArray[np.float16], root: Path) -> tuple[set[int], float]:
    """Return the rows that `pipeline filter` removes, and its processor seconds."""
    features = write_features(root / "features", half, part_rows=PART_ROWS)
    before = cpu_seconds()
    run_filter(FilterConfig(embeddings=features, output=str(root / "filtered"), near_duplicate_similarity=LIKE))
    taken = cpu_seconds() - before
    keys = pq.read_table(root / "filtered" / "removed.parquet")["key"].to_pylist()
    return {int(key) for key in keys}, taken


def main() -> None:
    seconds = []
    for rows in (ROWS, 2 * ROWS):
        half = made(rows)
        with tempfile.TemporaryDirectory() as root:
            ours, taken = by_filter(half, Path(root))
        seconds.append(taken)
        before = cpu_seconds()
        theirs = by_all_pairs(half)
        line(f"filter, near-duplicates of {rows:,} rows", taken, "all pairs", cpu_seconds() - before, "CPU s", 1)
        line("filter, found of them", len(ours & theirs), "all pairs", len(theirs), "rows", WANTED_FOUND)
        line("filter, found beside them", len(ours - theirs), "all pairs", len(theirs), "rows", 1e-4)
    line("filter, twice the rows", seconds[1], "half of them", seconds[0], "CPU s", WANTED_GROWTH)


if __name__ == "__main__":
    main()
