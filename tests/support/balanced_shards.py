"""Shards with the queries of their captions beside them, and online balancing's rule once more, in plain Python."""

import io
import tarfile
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.query import QUERIES
from schemas.sample import SHARD_TABLE
from schemas.storage import Folder
from schemas.stored_index import index_of_table
from schemas.tables import write_table
from tests.support.opened_shards import open_shards
from tests.support.small_shards import picture
from trainer.data.balance.balanced import Balanced
from trainer.data.balance.chance_file import IndexedFolder, prepare_chances
from trainer.data.data_set import DataSet
from trainer.data.find_index import make_index
from trainer.data.open_data import open_folders
from trainer.telling.reporter import Reporter

SIDECAR = pa.schema([SHARD_TABLE.field(name) for name in ("key", "status", "image_id", "captions", "query_ids")])

Queries = list[list[int]]
"""Of a sample: for each of its captions the queries that match it."""


def image_id(number: int) -> bytes:
    return (number * 0x9E3779B97F4A7C15 % (1 << 64)).to_bytes(8, "little") + number.to_bytes(8, "big")


def write_balanced(
    directory: Path,
    samples: list[Queries | None],
    num_queries: int,
    per_shard: int = 50,
    texts: list[str] | None = None,
) -> Path:
    """Write tars of one small picture a sample and their sidecars; None is a row that brought no image."""
    directory.mkdir(parents=True, exist_ok=True)
    image, folder = picture(0, side_px=2), Folder(str(directory))
    for shard, start in enumerate(range(0, len(samples), per_shard)):
        rows = []
        with tarfile.open(directory / f"{shard:05d}.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
            for number, queries in enumerate(samples[start : start + per_shard], start):
                key = f"{number:06d}"
                if queries is not None:
                    info = tarfile.TarInfo(f"{key}.png")
                    info.size = len(image)
                    archive.addfile(info, io.BytesIO(image))
                    caption = tarfile.TarInfo(f"{key}.txt")
                    caption.size = 1
                    archive.addfile(caption, io.BytesIO(b"x"))
                rows.append(
                    {"key": key, "image_id": image_id(number), "captions": ["x"] * len(queries or [[]]),
                     "status": "success" if queries is not None else "failed_to_download", "query_ids": queries or [[]]}
                )  # fmt: skip
        write_table(folder, f"{shard:05d}.parquet", pa.Table.from_pylist(rows, SIDECAR), SIDECAR)
    write_queries(folder, texts or [f"query {number}" for number in range(num_queries)])
    return directory


def write_queries(folder: Folder, texts: Sequence[str]) -> None:
    rows = [
        {"query_id": number, "text": text, "surface": text, "language": "en", "source": "word", "sources": ["word"]}
        for number, text in enumerate(texts)
    ]
    write_table(folder, "tables/queries.parquet", pa.Table.from_pylist(rows, QUERIES), QUERIES)


def zipf_samples(num_samples: int, num_queries: int, seed: int = 0) -> list[Queries | None]:
    """Return one or two captions a sample of one to eight queries each, of which low numbers are frequent."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, num_queries + 1)
    made: list[Queries | None] = []
    for _ in range(num_samples):
        counts = rng.integers(1, 9, size=rng.integers(1, 3))
        made.append([
            sorted(set(rng.choice(num_queries, size=count, p=weights / weights.sum()).tolist())) for count in counts
        ])  # fmt: skip
    return made


def chances_of(samples: Sequence[Queries], cap: int) -> list[Fraction]:
    """Return the chance of each sample: exact, by the definition."""
    counts = Counter(query for captions in samples for queries in captions for query in queries)
    chances = []
    for captions in samples:
        missed = Fraction(1)
        for queries in captions:
            for query in queries:
                missed *= 1 - min(Fraction(1), Fraction(cap, counts[query]))
        chances.append(1 - missed)
    return chances


def prepare(run: Path, *shards: Path, cap: int, threads: int = 2, reporter: Reporter | None = None) -> Folder:
    """Make the chances of shards as the first worker does; return the folder they are in."""
    index = Folder(str(run))
    folders = open_folders([str(path) for path in shards])
    prepare_chances(
        [IndexedFolder(one.folder, index_of_table(make_index(one.folder, one.sizes, 1), "made")) for one in folders],
        index, cap, threads, reporter,
    )  # fmt: skip
    return index


def open_balanced(run: Path, *shards: Path, cap: int, stores: bool = False, stored_samples: int = 1 << 23,
                  **mixed: Any) -> DataSet:  # fmt: skip
    """Return the samples of shards, drawn for each epoch."""
    balanced = Balanced(prepare(run, *shards, cap=cap), stores=stores, stored_samples=stored_samples)
    return open_shards(*shards, balanced=balanced, **mixed)
