"""Online balancing beside `pipeline balance` with the same cap: the samples of each query in an epoch, and its time.

Run by `make bench BENCH=online_balance`. Samples have one caption of 1 to 24 queries each (4.7 on average), drawn by
Zipf's law from 5,000; images are a byte. `pipeline balance` is its own functions over all pairs, in both of its modes.
"""

import io
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.balance.per_query_cap import keep_lowest, ranked_below
from pipeline.balance.probabilistic import draw_bounds, kept_by_draw
from schemas.buffers import ID, ids_from_words
from schemas.candidate import QUERY_IDS
from schemas.identity import ranks, seed_key
from schemas.sample import SHARD_TABLE
from schemas.storage import Folder
from schemas.tables import write_table
from tests.support.balanced_shards import write_queries
from trainer.data.balance.balanced import Balanced
from trainer.data.balance.chance_file import IndexedFolder, prepare_chances
from trainer.data.find_index import make_index
from trainer.data.open_data import open_data, open_folders

NUM_SAMPLES, PER_SHARD, NUM_QUERIES, CAP = 400_000, 10_000, 5_000, 50
SIDECAR = pa.schema([SHARD_TABLE.field(name) for name in ("key", "status", "image_id", "query_ids")])
PAIRS = pa.schema([pa.field("pair_id", ID), pa.field("query_ids", QUERY_IDS)])
BANDS = ((1, CAP), (CAP + 1, 10 * CAP), (10 * CAP + 1, 100 * CAP), (100 * CAP + 1, NUM_SAMPLES))
EPOCHS = 5


def made_queries(rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Return (starts, query ids) of all samples."""
    counts = np.minimum(rng.geometric(0.2, NUM_SAMPLES), 24)
    chances = 1 / np.arange(1, NUM_QUERIES + 1)
    drawn = np.searchsorted(np.cumsum(chances / chances.sum()), rng.random(int(counts.sum())))
    keys = np.unique(np.repeat(np.arange(NUM_SAMPLES), counts) << 32 | np.minimum(drawn, NUM_QUERIES - 1))
    starts = np.searchsorted(keys >> 32, np.arange(NUM_SAMPLES + 1))
    return starts, (keys & 0xFFFFFFFF).astype(np.int32)


def write_folder(root: Path, pairs: pa.Table) -> None:
    folder = Folder(str(root))
    for shard, start in enumerate(range(0, NUM_SAMPLES, PER_SHARD)):
        keys = [f"{number:08d}" for number in range(start, start + PER_SHARD)]
        with tarfile.open(root / f"{shard:05d}.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
            for key in keys:
                info = tarfile.TarInfo(f"{key}.jpg")
                info.size = 1
                archive.addfile(info, io.BytesIO(b"x"))
        part = pairs.slice(start, PER_SHARD).combine_chunks()
        lists = pa.ListArray.from_arrays(np.arange(PER_SHARD + 1, dtype=np.int32), part["query_ids"].chunk(0))
        columns = [pa.array(keys), pa.array(["success"] * PER_SHARD), part["pair_id"], lists.cast(SIDECAR[3].type)]
        write_table(folder, f"{shard:05d}.parquet", pa.table(columns, schema=SIDECAR), SIDECAR)
    write_queries(folder, [f"query {number}" for number in range(NUM_QUERIES)])


def online(root: Path) -> tuple[int, list[npt.NDArray[np.bool_]]]:
    """Return the samples that are expected, and which some epochs have; print how long each part took."""
    folders = open_folders([str(root)])
    indexes = [make_index(one.folder, one.sizes, 2, lambda _: None) for one in folders]
    run = Folder(str(root / "run"))
    indexed = [IndexedFolder(one.folder, index) for one, index in zip(folders, indexes, strict=True)]
    for again in (False, True):  # the first time kernels are compiled
        run.delete("")
        began, cpu = time.perf_counter(), time.process_time()
        prepare_chances(indexed, run, CAP, 2)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        if again:
            print(f"both passes, two threads: {seconds / NUM_SAMPLES * 1e6:.2f} microseconds a sample "
                  f"({cpu / NUM_SAMPLES * 1e6:.2f} of CPU)")  # fmt: skip
    data = open_data(folders, indexes, seed=0, pool=1 << 20, balanced=Balanced(run))
    order, numbers, taken, place = data.mixture.orders[0], data.sources[0].blocks.numbers, [], 0
    for size in order.epoch_sizes(EPOCHS * data.epoch_samples)[:EPOCHS]:
        rows = order.rows(place, place + size, 0, size)
        taken.append(np.zeros(NUM_SAMPLES, dtype=bool))
        taken[-1][numbers[rows.blocks] + rows.samples] = True
        place += size
    return data.epoch_samples, taken


def main() -> None:
    rng = np.random.default_rng(0)
    starts, ids = made_queries(rng)
    words = rng.integers(0, 2**64, (NUM_SAMPLES, 2), dtype=np.uint64)
    lists = pa.ListArray.from_arrays(starts.astype(np.int32), pa.array(ids)).cast(QUERY_IDS)
    pairs = pa.table([ids_from_words(words), lists], schema=PAIRS)
    matched = np.bincount(ids, minlength=NUM_QUERIES)
    caps = np.full(NUM_QUERIES, CAP)
    rows = np.repeat(np.arange(NUM_SAMPLES), np.diff(starts))
    by_draw = np.zeros(NUM_SAMPLES, dtype=bool)
    by_draw[rows[kept_by_draw(pairs, draw_bounds(matched, caps), seed_key(0))]] = True
    everything = np.full(NUM_QUERIES, 2**64 - 1, dtype=np.uint64)
    lowest = keep_lowest([ranked_below(pairs, ranks(pairs["pair_id"], seed_key(0)), everything)], caps)
    by_cap = pa.compute.is_in(pairs["pair_id"], lowest["pair_id"].combine_chunks()).to_numpy()
    with tempfile.TemporaryDirectory() as root:
        write_folder(Path(root), pairs)
        expected, epochs = online(Path(root))
    ways = {
        "all samples": np.ones(NUM_SAMPLES, dtype=bool), "pipeline balance, per_query_cap": by_cap,
        "pipeline balance, probabilistic": by_draw,
        **{f"online, epoch {epoch}": taken for epoch, taken in enumerate(epochs[:2])},
        f"online, any of {EPOCHS} epochs": np.logical_or.reduce(epochs),
    }  # fmt: skip
    print(f"{expected:,} expected; mean over queries of the samples that match it, by its count:")
    print("| | samples |", *(f"{low:,} to {high:,} |" for low, high in BANDS))
    for name, taken in ways.items():
        counts = np.bincount(ids[taken[rows]], minlength=NUM_QUERIES)
        means = (counts[(matched >= low) & (matched <= high)].mean() for low, high in BANDS)
        print(f"| {name} | {int(taken.sum()):,} |", *(f"{mean:,.1f} |" for mean in means))
    if not all((np.bincount(ids[taken[rows]], minlength=NUM_QUERIES) >= matched)[matched <= CAP].all()
               for taken in epochs):  # fmt: skip
        sys.exit("a query of at most the cap lost a sample")


if __name__ == "__main__":
    main()
