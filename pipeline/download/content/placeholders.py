"""Placeholders: the same bytes from many addresses, over the whole run. "Image not available" answers 200, too.

In: the tables of the shards. Out: ``tables/placeholders.parquet``; and, by option, rows of ``removals.parquet``.
Two passes over the column sha256: the first counts by some bits of the hash, the second looks at those only that can be
many. Memory: 4 bytes for each of at most 2^26 counters (256 MiB, from 270 million images on), and what is found.
"""

import datetime
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.download.content.evaluation_set import sidecar_of
from pipeline.download.shard.numbering import PlanUnit
from schemas.arrow_types import schema_of, values_of
from schemas.buffers import ID
from schemas.removals import REMOVALS, REMOVALS_NAME, digest_prefix, read_removals
from schemas.run_record import read_run
from schemas.storage import FileRecord, Folder
from schemas.tables import read_table, write_table, write_tables
from schemas.tables_dir import tables_path

PLACEHOLDERS = schema_of(
    [
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("urls", pa.int64(), nullable=False),
        pa.field("example", pa.string(), nullable=False),
    ]
)
"""By urls, most first, then sha256; example is the URL of the first row that has it."""

PLACEHOLDERS_NAME = "placeholders.parquet"
REASON = "placeholder"

LEAST_COUNTER_BITS, MOST_COUNTER_BITS = 16, 26
_PREFIX_DIGITS = 8


def find_placeholders(shards: Folder, numbered: Sequence[PlanUnit], min_urls: int) -> pa.Table:
    """Return the `PLACEHOLDERS` of finished plans: what came from at least `min_urls` URLs.

    Each row of the tables has a URL of its own; images that were read from a disk count for nothing.
    """
    images = sum(found.unit.body.count("successes") for found in numbered)
    bits = min(max(images.bit_length() - 2, LEAST_COUNTER_BITS), MOST_COUNTER_BITS)
    counters = np.zeros(1 << bits, dtype=np.uint32)
    for hashes, _ in _fetched(shards, numbered):
        places, counts = np.unique(_places(hashes, bits), return_counts=True)
        counters[places] += counts.astype(np.uint32)
    many = counters >= min_urls
    urls: Counter[str] = Counter()
    examples: dict[str, str] = {}
    if many.any():
        for hashes, addresses in _fetched(shards, numbered):
            rows = np.flatnonzero(many[_places(hashes, bits)])
            for sha256, url in zip(
                values_of(hashes.take(pa.array(rows))), values_of(addresses.take(pa.array(rows))), strict=True
            ):
                urls[sha256] += 1
                examples.setdefault(sha256, url)
    found = sorted((-count, sha256) for sha256, count in urls.items() if count >= min_urls)
    columns = [
        pa.array([sha256 for _, sha256 in found], pa.string()),
        pa.array([-count for count, _ in found], pa.int64()),
        pa.array([examples[sha256] for _, sha256 in found], pa.string()),
    ]
    return pa.Table.from_arrays(columns, schema=PLACEHOLDERS)


def _places(hashes: pa.Array, bits: int) -> npt.NDArray[np.uint32]:
    """Return the first bits of each hash, as the place of its counter."""
    digits = pc.utf8_slice_codeunits(hashes, 0, _PREFIX_DIGITS).to_pylist()
    words = np.frombuffer(bytes.fromhex("".join(digits)), dtype=">u4").astype(np.uint32)
    return words >> np.uint32(32 - bits)


def _fetched(shards: Folder, numbered: Sequence[PlanUnit]) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Yield sha256 and url of the images that were fetched, some at a time."""
    for found in numbered:
        if not found.unit.body.count("successes"):
            continue
        with shards.open(sidecar_of(found).name) as raw, pq.ParquetFile(raw) as file:
            for batch in file.iter_batches(columns=["sha256", "url"]):
                wanted = pc.and_(batch["sha256"].is_valid(), batch["url"].is_valid())
                kept = batch.filter(wanted)
                if len(kept):
                    yield kept["sha256"].cast(pa.string()), kept["url"].cast(pa.string())


def write_placeholders(shards: Folder, found: pa.Table) -> FileRecord:
    """Write ``tables/placeholders.parquet``."""
    return write_table(shards, tables_path(PLACEHOLDERS_NAME), found, PLACEHOLDERS)


def remove_placeholders(shards: Folder, found: pa.Table) -> None:
    """Add the placeholders to ``removals.parquet``, by sha256, as of the day on which the run began.

    What is named there stays; what is named already is not named again, so it may be called again after a crash.
    """
    before = read_removals(shards)
    hashes = values_of(found["sha256"])
    if before is not None and hashes:
        known = before.of_digests(np.array([digest_prefix(sha256) for sha256 in hashes], dtype=np.uint64))
        hashes = [sha256 for sha256, is_known in zip(hashes, known.tolist(), strict=True) if not is_known]
    if not hashes:
        return
    rows = len(hashes)
    since = datetime.date.fromisoformat(read_run(shards)["started"][:10])
    added = pa.Table.from_arrays(
        [
            pa.nulls(rows, pa.string()), pa.nulls(rows, ID), pa.array(hashes, pa.string()),
            pa.array([REASON] * rows, pa.string()), pa.repeat(pa.scalar(since, pa.date32()), rows),
        ],
        schema=REMOVALS,
    )  # fmt: skip
    stored = [read_table(shards, REMOVALS_NAME, REMOVALS)] if before is not None else []
    write_tables(shards, REMOVALS_NAME, [*stored, added], REMOVALS)
