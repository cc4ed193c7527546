"""What a shuffle needs on Beam's local runner, told before it starts: memory for places, disk for tables.

In: the Parquet files or Arrow streams whose rows are shuffled. Out: nothing, or a ValueError with the command for the
embedded Flink. Tables go through files there (`pipeline.shuffle.exchange`); where each lies the runner keeps in memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.shuffle.elements import MAX_ELEMENT_ROWS
from pipeline.shuffle.exchange import encode
from schemas.candidate import candidate_schema
from schemas.storage import FileRecord, Folder
from schemas.stored_ids import from_stored
from schemas.tables import naming_damage, read_stream

TABLE_BYTES = 600
"""The launcher's memory for the place of one table."""

SMALLEST_WORK, LARGEST_WORK, WORK_SHARE = 100 << 20, 800 << 20, 4
"""What two workers take for the partitions they cut and write: this many times what is shuffled, but bounded, because
a partition does not grow with the input. See ``make bench BENCH=shuffle``."""


SAMPLED_FILES = 4


@dataclass(frozen=True, kw_only=True)
class ShuffleEstimate:
    """What a shuffle is expected to take."""

    rows: int
    shuffled_bytes: int
    """Of the tables between the steps, not compressed: on the local runner, disk."""
    tables: int

    @property
    def peak_bytes(self) -> int:
        """Memory on Beam's local runner beyond what the command takes before the shuffle."""
        work = min(SMALLEST_WORK + WORK_SHARE * self.shuffled_bytes, LARGEST_WORK)
        return work + TABLE_BYTES * self.tables if self.rows else 0


def estimate_shuffle(
    folder: Folder, files: Sequence[FileRecord], num_partitions: int, gathered_bytes: int
) -> ShuffleEstimate:
    """Estimate the shuffle of the rows of `files` by `num_partitions` keys.

    A step cuts each file into partitions after every `gathered_bytes` of it. Reads the first rows of a few files.
    """
    full = [record for record in files if record.rows]
    rows = sum(record.rows for record in full)
    if not rows:
        return ShuffleEstimate(rows=0, shuffled_bytes=0, tables=0)
    step = max(1, len(full) // SAMPLED_FILES)
    coded = sampled = empty = 0
    for record in full[::step][:SAMPLED_FILES]:
        table = _first_rows(folder, record, MAX_ELEMENT_ROWS)
        table = table.select([name for name in table.schema.names if table[name].null_count < len(table)])
        empty = len(encode(table.slice(0, 0)))
        coded += len(encode(table)) - empty
        sampled += len(table)
    tables = 0
    for record in full:
        cuts = -(-coded * record.rows // (sampled * gathered_bytes))
        tables += min(record.rows, cuts * num_partitions + record.rows // MAX_ELEMENT_ROWS)
    return ShuffleEstimate(rows=rows, shuffled_bytes=coded * rows // max(1, sampled) + tables * empty, tables=tables)


def _first_rows(folder: Folder, record: FileRecord, rows: int) -> pa.Table:
    if record.name.endswith(".arrow"):  # the parts of collect
        return next(read_stream(folder, record.name)).slice(0, rows)
    with folder.open(record.name) as raw, naming_damage(folder, record):
        file = pq.ParquetFile(raw)
        batch = next(file.iter_batches(rows), None)
        found = pa.Table.from_batches([batch]) if batch is not None else file.schema_arrow.empty_table()
        return from_stored(found, candidate_schema())
