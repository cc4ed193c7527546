"""From the start of a worker to its first batch, on 4 and on 10 million samples; and what an index costs.

Run by `make bench BENCH=start`. The samples are those of two real tars under many names (hard links), stored as
`pipeline download` does (short side 256). The peer is the walk in Python that came before: each worker read every
header by tarfile, with the captions; it is timed on one tar and multiplied. Memory is what a fresh process has of its
own (RssAnon) once its modules are loaded and after its first batch, less the batches that are decoded ahead; of some
runs the least. Both sets are larger than the shuffle pool: a smaller one is shuffled as a whole, by other structures.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa

from schemas.shard_index import INDEX_NAME, SHARD_INDEX
from schemas.storage import Folder
from schemas.stored_index import write_index
from schemas.tar_samples import TarSamples
from tests.bench.stored_shards import write_stored
from tests.bench.timing import line
from tests.support.waiting import PATIENCE_S
from trainer.data.find_index import make_index

SAMPLES_A_TAR = 10_000
SMALL, LARGE, INDEXED = 4_000_000, 10_000_000, 400_000
BATCH_SIZE, IMAGE_PX = 64, 224
ROUNDS = 3
HELD_BATCHES = 6
"""Decoded, ready, being decoded, in hand."""
OLD_BYTES_A_SAMPLE = 863
"""Of the old index, in each worker, measured when it was replaced."""

WORKER = f"""
import sys, time
from pathlib import Path
def own():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(text.split()[1]) * 1024 for text in lines if text.startswith("RssAnon"))
from trainer.data.shard_loader import ShardLoader
before, began = own(), time.perf_counter()
loader = ShardLoader(sys.argv[1], batch_size={BATCH_SIZE}, image_px={IMAGE_PX}, samples={BATCH_SIZE} * 40)
batches = iter(loader)
first = next(batches)
seconds, after = time.perf_counter() - began, own()
assert loader.data.num_samples == int(sys.argv[2]) and len(first.captions) == {BATCH_SIZE}
print(seconds, after - before, flush=True)
batches.close()
"""


def first_batch(folder: Path, samples: int) -> tuple[float, float, int]:
    """Return seconds from the start of a process to its first batch, of those behind the imports, bytes it takes."""
    command = [sys.executable, "-c", WORKER, str(folder), str(samples)]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    inside, taken = done.stdout.split()
    return time.perf_counter() - began, float(inside), int(taken)


def link_shards(tars: list[Path], folder: Path, samples: int) -> Path:
    """Give the tars as many names as make `samples`."""
    folder.mkdir()
    for number in range(samples // SAMPLES_A_TAR):
        os.link(tars[number % len(tars)], folder / f"{number:05d}.tar")
    return folder


def sizes_of(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in sorted(folder.glob("*.tar"))}


def index_of(rows: pa.Table, names: list[str]) -> pa.Table:
    """Return the index of tars of many names from the rows of the real ones, in turn."""
    taken = rows.take(pa.array([number % len(rows) for number in range(len(names))]))
    return taken.set_column(0, SHARD_INDEX.field("tar"), pa.array(names))


def index_cpu_s(folder: Path) -> float:
    """Return the seconds of CPU that the index of a folder without one takes."""
    began = time.process_time()
    assert len(make_index(Folder(str(folder)), sizes_of(folder), os.cpu_count() or 1)) == INDEXED // SAMPLES_A_TAR
    return time.process_time() - began


def walk(tar: Path) -> None:
    with tar.open("rb") as raw:
        assert sum(1 for _ in TarSamples(raw, (".json", ".txt"), 1 << 20)) == SAMPLES_A_TAR


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-start-") as name:
        root = Path(name)
        tars = write_stored(root / "real", SAMPLES_A_TAR, 2)
        real = Folder(str(root / "real"))
        rows = make_index(real, sizes_of(root / "real"), 1)
        part = link_shards(tars, root / "part", INDEXED)
        ours = min(index_cpu_s(part) for _ in range(ROUNDS)) / INDEXED * 1e6
        began = time.process_time()
        walk(tars[0])
        old = (time.process_time() - began) / SAMPLES_A_TAR * 1e6
        line("start-index", ours, "the old walk", old, "microseconds of CPU a sample", 2 / old)
        taken = {}
        for samples in (SMALL, LARGE):
            folder = link_shards(tars, root / str(samples), samples)
            write_index(Folder(str(folder)), INDEX_NAME, [index_of(rows, list(sizes_of(folder)))])
            first_batch(folder, samples)  # kernels and page cache
            runs = [first_batch(folder, samples) for _ in range(ROUNDS)]
            whole, inside, taken[samples] = (min(found) for found in zip(*runs, strict=True))
            extrapolated = old * samples / 1e6
            print(
                f"{samples:,} samples: {whole:.1f} s to the first batch, {inside:.2f} s behind the imports; "
                f"the old build {extrapolated:,.0f} s, {samples * OLD_BYTES_A_SAMPLE / 1e6:,.0f} MB (multiplied)"
            )
        line("start", extrapolated, "ours", whole, "s from start to first batch, 10 million samples", 50)
        batches = HELD_BATCHES * BATCH_SIZE * 3 * IMAGE_PX**2
        line("start-memory", (taken[LARGE] - batches) / 1e6, "bound", 100, "MB above the batches", 1)
        grown = (taken[LARGE] - taken[SMALL]) / (LARGE - SMALL)
        print(f"{grown:.2f} bytes a sample between {SMALL:,} and {LARGE:,}")
        line("start-growth", taken[LARGE] / 1e6, "4 million samples", taken[SMALL] / 1e6, "MB with 10 million", 1.05)


if __name__ == "__main__":
    main()
