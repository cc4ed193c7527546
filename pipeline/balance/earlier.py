"""What earlier rounds downloaded: pairs selected so far, and images that failed (refill). Pure but for reading.

A refill balances C \\ F (candidates without all pairs of failed images) and takes away what was selected
before; S(C) \\ F is contained in S(C \\ F), so nothing fetched is selected again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.buffers import one_chunk, sortable_ids
from schemas.sample import SHARD_TABLE, STATUS_SUCCESS
from schemas.storage import Folder
from schemas.tables import read_table

IdSet = npt.NDArray[np.uint64]
"""Ids as shape ``[n, 2]`` (high, low) words, sorted, each once: 16 bytes per id."""


@dataclass(frozen=True)
class Earlier:
    """The failed images and the selected pairs of all earlier rounds."""

    failed_images: IdSet
    selected_pairs: IdSet
    num_shards: int

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


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _contains(members, ids):  # type: ignore[no-untyped-def]
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


def read_id_set(folder: Folder, name: str) -> IdSet:
    """Read ids written by the launcher for the workers."""
    return np.frombuffer(folder.read(name), dtype="<u8").reshape(-1, 2)


def shard_tables(folders: Iterable[Folder]) -> Iterator[tuple[int, pa.Table]]:
    """Yield (shard number, its table) of every shard in `folders`."""
    for folder in folders:
        for name in folder.names(suffix=".parquet"):
            stem = name.removesuffix(".parquet")
            if stem.isdigit():
                yield int(stem), read_table(folder, name, SHARD_TABLE)


def read_earlier(folders: Iterable[Folder]) -> Earlier:
    """Read the shard tables of all earlier rounds. Memory: 16 bytes per pair selected and per failed image.

    Raises ValueError when two folders hold the same shard number (one is given twice) or a number is missing
    (a round is left out: what it fetched would be selected again).
    """
    none = np.zeros((0, 2), dtype=np.uint64)
    failed, selected, seen = [none], [none], set()
    for shard, table in shard_tables(folders):
        if shard in seen:
            raise ValueError(f"--failed: shard {shard:05d} is in two of the folders; give each round's folder once")
        seen.add(shard)
        lost = pc.not_equal(table["status"], STATUS_SUCCESS)
        failed.append(sortable_ids(one_chunk(table["image_id"].filter(lost))))
        selected.append(sortable_ids(one_chunk(table["pair_ids"]).flatten()))
    missing = sorted(set(range(max(seen, default=-1) + 1)) - seen)
    if missing:
        raise ValueError(
            f"--failed: no folder holds shard {missing[0]:05d}, but one holds shard {max(seen):05d}; name the shard "
            "folders of all rounds so far"
        )
    return Earlier(id_set(np.concatenate(failed)), id_set(np.concatenate(selected)), max(seen, default=-1) + 1)
