"""What every step of one balance job needs: small, pickled into the graph. And the names of its work files."""

from dataclasses import dataclass

import pyarrow as pa

from schemas.storage import FileRecord

WORK = "work"
LANGUAGES_FILE = f"{WORK}/languages.i4"
LIMITS_FILE, PLAN_FILE = f"{WORK}/limits.parquet", f"{WORK}/plan.json"
THRESHOLDS = f"{WORK}/thresholds"
MATCHED, COUNTS = f"{WORK}/matched", f"{WORK}/counts"
"""Before the number of a range of queries: sums of the first pass and of the third."""
TOTALS_FILE = f"{WORK}/totals.json"
FAILED_FILE, SELECTED_FILE = f"{WORK}/failed_images.u64", f"{WORK}/selected_pairs.u64"
STORED_FILE = f"{WORK}/stored_images.u64"
SELECTED, SHARDS = f"{WORK}/selected", f"{WORK}/shards"

BUFFER_BYTES = 64 << 20
"""Rows kept in a worker before they are cut by partition: cut by file, a partition's pieces would be tiny."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where things lie and which rule holds."""

    candidates_url: str
    output_url: str
    mode: str
    key: bytes
    """Of ranks and draws."""
    num_queries: int
    languages: tuple[str, ...]
    """Of the queries; ``LANGUAGES_FILE`` numbers them."""
    extra: pa.StructType
    caps: tuple[int, ...] | None
    """By language; None: from the tail share, once the matches are counted."""
    tail_share: float | None = None
    refill: bool = False
    candidates_rows: int = 0
    candidates_bytes: int = 0
    samples_per_shard: int = 10_000
    first_shard: int = 0
    """Number of the first plan: earlier rounds have those before."""
    shards_before: int = 0
    """Shards of earlier rounds: fewer than their plans where some brought no image."""
    factor: int = 1
    """Of the rank bounds: doubled when a query found fewer pairs below its bound than it keeps."""


@dataclass(frozen=True)
class CandidateFile:
    """One file of the candidates folder."""

    record: FileRecord

    @property
    def name(self) -> str:
        return self.record.name


@dataclass(frozen=True)
class ShardRange:
    """The shards whose first image lies in one partition: ``first .. first + count - 1``."""

    partition: int
    first: int
    count: int
    skip_images: int
    """Images of the partition that belong to the shard before."""
    samples_per_shard: int
    num_partitions: int
    number: int
    """Shard number of the first."""
