"""What earlier rounds downloaded: pairs selected so far, and images that failed (refill). Pure but for reading.

A refill balances C \\ F (candidates without all pairs of failed images) and takes away what was selected
before; S(C) \\ F is contained in S(C \\ F), so nothing fetched is selected again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from itertools import count

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.balance.settings import FAILED_FILE, SELECTED_FILE
from schemas.arrow_types import list_array
from schemas.buffers import one_chunk, sortable_ids
from schemas.checked import check_indices
from schemas.kernels.compiled import unlocked
from schemas.manifest import read_records
from schemas.removals import removed_images
from schemas.run_record import MANIFEST_FILE
from schemas.sample import FURTHER_CAPTIONS, SHARD_TABLE, STATUS_SUCCESS
from schemas.shards_folder import FIRST_HEALED_PLAN, STATS_SUFFIX, further_captions, is_counted_in, plan_tables
from schemas.storage import FileRecord, Folder
from schemas.tables import read_table
from schemas.units import read_unit

IdSet = npt.NDArray[np.uint64]
"""Ids as shape ``[n, 2]`` (high, low) words, sorted, each once: 16 bytes per id."""


@dataclass(frozen=True)
class Earlier:
    """The failed images and the selected pairs of all earlier rounds."""

    failed_images: IdSet
    selected_pairs: IdSet

    def alive(self, table: pa.Table) -> npt.NDArray[np.bool_]:
        """Tell which rows of `table` are not on a failed image."""
        return ~contains(self.failed_images, sortable_ids(table["image_id"]))

    def selected(self, table: pa.Table) -> npt.NDArray[np.bool_]:
        """Tell which rows of `table` an earlier round selected."""
        return contains(self.selected_pairs, sortable_ids(table["pair_id"]))


def id_set(ids: IdSet) -> IdSet:
    """Return ids sorted, each once."""
    ordered = ids[np.lexsort((ids[:, 1], ids[:, 0]))]
    if len(ordered) == 0:
        return ordered
    return np.ascontiguousarray(ordered[np.r_[True, (ordered[1:] != ordered[:-1]).any(axis=1)]])


@unlocked
def _contains(members, ids):
    found = np.zeros(len(ids), dtype=np.bool_)
    for row in range(len(ids)):
        low, high = 0, len(members)
        while low < high:
            middle = (low + high) // 2
            if members[middle, 0] < ids[row, 0] or (
                members[middle, 0] == ids[row, 0] and members[middle, 1] < ids[row, 1]
            ):
                low = middle + 1
            else:
                high = middle
        found[row] = low < len(members) and members[low, 0] == ids[row, 0] and members[low, 1] == ids[row, 1]
    return found


def contains(members: IdSet, ids: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Tell per id whether it is in `members` (binary search)."""
    found: npt.NDArray[np.bool_] = _contains(members, np.ascontiguousarray(ids))
    return found


FETCHED = pa.schema([pa.field("query_id", pa.int32()), pa.field("count", pa.int64())])
"""Pairs whose image is in the shards, by query."""

WAITING_ROWS = 1 << 22
"""Rows of `FETCHED` gathered before they are summed."""


@dataclass(frozen=True)
class Rounds:
    """What the shard folders of all earlier rounds say."""

    earlier: Earlier
    stored_images: IdSet
    num_plans: int
    num_shards: int
    """Plans that brought an image; until 1.3 every plan."""
    fetched: pa.Table
    """`FETCHED`: each query once, its id as the tables have it."""

    def fetched_by_query(self, num_queries: int) -> npt.NDArray[np.int64]:
        """Return the pairs fetched for each query. Raises ValueError for an id that is no query."""
        ids = self.fetched["query_id"]
        check_indices(ids, num_queries, "--failed", "query ids", "are these the shards of these candidates?")
        found = np.zeros(num_queries, dtype=np.int64)
        found[ids.to_numpy()] = self.fetched["count"].to_numpy()
        return found


COLUMNS = ["image_id", "status", "pair_ids", "query_ids"]


def read_rounds(folders: Iterable[Folder], num_plans: int | None = None) -> Rounds:
    """Read the tables of all earlier rounds, of the first `num_plans` plans.

    Memory: 16 bytes per pair selected, per failed and per stored image. Raises ValueError when two folders hold the
    same plan (one is given twice) or one is missing (a round is left out: what it fetched would be selected again).
    """
    none = np.zeros((0, 2), dtype=np.uint64)
    failed, stored, selected, seen, num_shards = [none], [none], [none], set(), 0
    fetched = _Fetched()
    for folder in folders:
        failed.append(sortable_ids(removed_images(folder)))
        table_of = _Tables(folder)
        for found in plan_tables(folder):
            if num_plans is not None and not is_counted_in(found.plan, num_plans):
                continue
            is_healed = found.plan >= FIRST_HEALED_PLAN
            if found.plan in seen and not is_healed:
                raise ValueError(
                    f"--failed: shard {found.plan:05d} is in two of the folders; give each round's folder once"
                )
            if not is_healed:
                seen.add(found.plan)
            num_shards += found.has_images
            table = table_of.read(found.name, SHARD_TABLE, COLUMNS)
            lost = pc.not_equal(table["status"], STATUS_SUCCESS)
            failed.append(sortable_ids(one_chunk(table["image_id"].filter(lost))))
            stored.append(sortable_ids(one_chunk(table["image_id"].filter(pc.invert(lost)))))
            selected.append(sortable_ids(list_array(one_chunk(table["pair_ids"])).flatten()))
            fetched.add(table["query_ids"].filter(pc.invert(lost)))
        for plan, name in further_captions(folder):
            if num_plans is None or plan < num_plans:
                table = table_of.read(name, FURTHER_CAPTIONS, ["pair_ids", "query_ids"])
                selected.append(sortable_ids(list_array(one_chunk(table["pair_ids"])).flatten()))
                fetched.add(table["query_ids"])
    expected = num_plans if num_plans is not None else max(seen, default=-1) + 1
    missing = next(number for number in count() if number not in seen)
    if missing < expected:
        raise ValueError(
            f"--failed: no folder holds shard {missing:05d} of {expected}; name the shard folders of all rounds so far"
        )
    ids = (id_set(np.concatenate(found)) for found in (failed, selected, stored))
    return Rounds(Earlier(next(ids), next(ids)), next(ids), expected, num_shards, fetched.total())


class _Tables:
    """Reads tables of a shards folder, finished or not (`pipeline run`), as they were written."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._is_finished = folder.exists(MANIFEST_FILE)
        self._records = read_records(folder) if self._is_finished else _unit_records(folder)

    def read(self, name: str, schema: pa.Schema, columns: list[str]) -> pa.Table:
        """Return `columns` of a table. Raises ValueError that names it when it is another than its folder notes."""
        if self._is_finished and name not in self._records:
            raise ValueError(f"{self._folder.path(name)}: not in its folder's list of files; move it away")
        return read_table(self._folder, name, schema, columns, self._records.get(name))


def _unit_records(folder: Folder) -> dict[str, FileRecord]:
    units = (read_unit(folder, name) for name in folder.names(suffix=STATS_SUFFIX))
    return {record.name: record for unit in units if unit is not None for record in unit.files}


class _Fetched:
    """Sums of fetched pairs by query; memory grows with the queries there are, not with their numbers."""

    def __init__(self) -> None:
        self._tables, self._rows = [FETCHED.empty_table()], 0

    def add(self, query_ids: pa.ChunkedArray) -> None:
        """Count the ids of one table: lists of lists."""
        flat = list_array(list_array(one_chunk(query_ids)).flatten()).flatten()
        self._tables.append(pa.Table.from_arrays(pc.value_counts(flat).flatten(), schema=FETCHED))
        self._rows += len(self._tables[-1])
        if self._rows > WAITING_ROWS:
            self._tables, self._rows = [self.total()], 0

    def total(self) -> pa.Table:
        summed = pa.concat_tables(self._tables).group_by("query_id").aggregate([("count", "sum")])
        return summed.select(["query_id", "count_sum"]).rename_columns(FETCHED.names)


def earlier_hash(earlier: Earlier) -> str:
    """Return what identifies the earlier rounds as an input."""
    digest = blake2b(digest_size=16)
    for ids in (earlier.failed_images, earlier.selected_pairs):
        digest.update(ids.astype("<u8").tobytes())
    return digest.hexdigest()


def write_earlier(folder: Folder, earlier: Earlier) -> None:
    """Write the ids into the work folder for the workers."""
    for name, ids in ((FAILED_FILE, earlier.failed_images), (SELECTED_FILE, earlier.selected_pairs)):
        folder.write(name, ids.astype("<u8").tobytes())


def read_written(folder: Folder) -> Earlier:
    """Read what `write_earlier` wrote."""
    return Earlier(*(np.frombuffer(folder.read(n), dtype="<u8").reshape(-1, 2) for n in (FAILED_FILE, SELECTED_FILE)))
