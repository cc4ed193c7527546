"""`pipeline remove`: lists of `pipeline filter` in; ``removals.parquet`` beside shards out, with what it named before.

What is noted is joined, never taken away, so the same command twice is as good as once. Memory: the removals.
"""

import datetime
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.day import day_of
from pipeline.remove.config import RemoveConfig
from schemas.arrow_types import values_of
from schemas.buffers import ID, one_chunk, string_buffers
from schemas.checked import first_line
from schemas.filtered import KIND, REMOVED, REMOVED_NAME
from schemas.kernels.key_hashes import hash_keys
from schemas.manifest import read_manifest, recorded
from schemas.removals import REMOVALS, REMOVALS_NAME, Removals, read_removals
from schemas.run_record import RUN_FILE
from schemas.shards_folder import TAR_SUFFIX
from schemas.storage import Folder
from schemas.stored_index import read_index
from schemas.tables import read_table, write_tables
from schemas.tar_listing import index_beside

ROWS_AT_ONCE = 65_536


@dataclass
class RemoveReport:
    """What was noted."""

    shards: Folder
    before: int
    """Removals that were there."""
    added: dict[str, int] = field(default_factory=dict)
    """By reason."""
    known: int = 0
    """Keys that were removed before."""
    unseen: int = 0
    """Samples of the shards that are more than the features tell of, which come from a refill, say."""


def run_remove(config: RemoveConfig) -> RemoveReport:
    """Join the lists of `config` to the removals of its shards and return what was added.

    Raises FileNotFoundError or ValueError for what is no folder of shards, of `pipeline filter`, or no removals.
    """
    shards = _shards(config.shards)
    filtered = [Folder(path) for path in config.filtered]
    for folder in filtered:
        read_manifest(folder, KIND)
    since = day_of(config.since)
    before = read_removals(shards)  # what is wrong with it is told before anything is written
    report = RemoveReport(shards, before=_rows(shards) if before is not None else 0, unseen=_unseen(shards, filtered))
    added = list(_new(filtered, before, since, report))
    if any(len(table) for table in added):
        write_tables(shards, REMOVALS_NAME, [*_stored(shards), *added], REMOVALS)
    return report


def _shards(path: str) -> Folder:
    folder = Folder(path)
    if not folder.exists():
        raise FileNotFoundError(f"{folder.url}: no such folder; expected one of shards")
    if folder.exists(RUN_FILE):
        read_manifest(folder, "shards")
    elif not folder.names("", TAR_SUFFIX):
        raise FileNotFoundError(f"{folder.url}: no {TAR_SUFFIX} file; expected a folder of shards")
    return folder


def _unseen(shards: Folder, filtered: Sequence[Folder]) -> int:
    """Return how many samples of the shards no features were made of; 0 where no index tells how many there are."""
    name = index_beside(shards)
    if not name:
        return 0
    samples = int(pc.sum(read_index(shards, name).rows["samples"]).as_py() or 0)
    summaries = [read_manifest(folder, KIND)["summary"] for folder in filtered]
    return max(0, samples - min(summary["rows"] + summary["unusable"] for summary in summaries))


def _rows(shards: Folder) -> int:
    return sum(len(table) for table in _stored(shards))


def _stored(shards: Folder) -> Iterator[pa.Table]:
    """Yield the removals that are there."""
    if shards.exists(REMOVALS_NAME):
        yield read_table(shards, REMOVALS_NAME, REMOVALS)


def _new(
    filtered: list[Folder], before: Removals | None, since: datetime.date, report: RemoveReport
) -> Iterator[pa.Table]:
    """Yield `REMOVALS` of the keys that are not removed yet, each once; count them in `report`."""
    known = before.keys if before is not None else np.zeros(0, dtype=np.int64)
    for folder in filtered:
        for table in _lists(folder):
            hashes = hash_keys(*string_buffers(one_chunk(table["key"])))
            first = np.zeros(len(hashes), dtype=np.bool_)
            first[np.unique(hashes, return_index=True)[1]] = True
            first &= ~np.isin(hashes, known)
            report.known += int((~first).sum())
            known = np.union1d(known, hashes)
            new = table.filter(pa.array(first))
            for reason, count in Counter(values_of(new["reason"])).items():
                report.added[reason] = report.added.get(reason, 0) + count
            yield _removals(new, since)


def _removals(new: pa.Table, since: datetime.date) -> pa.Table:
    rows = len(new)
    columns = [
        new["key"], pa.nulls(rows, ID), pa.nulls(rows, pa.string()), new["reason"],
        pa.repeat(pa.scalar(since, pa.date32()), rows),
    ]  # fmt: skip
    return pa.Table.from_arrays(columns, schema=REMOVALS)


def _lists(folder: Folder) -> Iterator[pa.Table]:
    """Yield the removed samples of a folder of `pipeline filter`. Raises ValueError that names a changed file."""
    record = recorded(folder, REMOVED_NAME)
    folder.check_file(record)
    try:
        with folder.open(record.name) as raw, pq.ParquetFile(raw) as file:
            for batch in file.iter_batches(ROWS_AT_ONCE):
                yield pa.Table.from_batches([batch]).cast(REMOVED)
    except pa.ArrowException as error:
        raise ValueError(f"{folder.path(record.name)}: expected a list of removals, {first_line(error)}") from None
