"""Which rows of a table are read: --where and --uids. Rows in; the rows that stay, and counts of the others, out."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.sources.config import SourceOptions
from pipeline.sources.files.byte_ranges import BLOCK_BYTES
from pipeline.sources.files.input_file import open_input
from pipeline.sources.source import Dropped, Rows
from pipeline.sources.tables.json_values import JsonColumn, comparable
from pipeline.sources.tables.uids import UidSet, load_uids
from schemas.buffers import one_chunk

if TYPE_CHECKING:
    from pipeline.sources.tables.where import Where

WHERE, NOT_IN_UIDS = "where", "not_in_uids"
"""Reasons of drops: the expression is not true for the row; its uid is not in the list."""


@dataclass(frozen=True)
class RowFilter:
    """The filters that the options ask for; `where` comes first."""

    where: "Where | None"
    uids: UidSet | None
    uid_column: str

    def apply(self, rows: Rows) -> Iterator[Rows | Dropped]:
        """Yield the rows that stay (if any), then what was left out by reason."""
        keep = np.ones(len(rows.table), dtype=bool)
        dropped: list[Dropped] = []
        if self.where is not None:
            keep = self.where.keeps(_comparable(rows, self.where.kinds))
            dropped += _dropped(WHERE, keep)
        if self.uids is not None and keep.any():
            listed = self.uids.contains(rows.table[self.uid_column].filter(pa.array(keep)))
            dropped += _dropped(NOT_IN_UIDS, listed)
            keep[keep] = listed
        if not dropped:
            yield rows
        elif keep.any():
            yield rows.filtered(keep)
        yield from dropped


def _comparable(rows: Rows, kinds: Mapping[str, str]) -> pa.Table:
    """Return the columns that are compared, those of JSON by the kinds of their values."""
    if rows.kinds is None:
        return rows.table
    columns = {name: JsonColumn(one_chunk(rows.table[name]), rows.kinds[name]) for name in kinds}
    return pa.table({name: comparable(column, kinds[name]) for name, column in columns.items()})


def _dropped(reason: str, keep: npt.NDArray[np.bool_]) -> list[Dropped]:
    count = len(keep) - int(keep.sum())
    return [Dropped(reason, count)] if count else []


def source_inputs(options: SourceOptions) -> list[dict[str, Any]]:
    """Return what the identity of a run holds of the files that the options name: their content, not where they lie."""
    if not options.uids:
        return []
    try:
        with open_input(options.uids) as raw:
            digest = hashlib.sha256()
            while block := raw.read(BLOCK_BYTES):
                digest.update(block)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"--uids {options.uids}: no such file") from error
    return [{"name": "uids", "sha256": digest.hexdigest()}]


@lru_cache(maxsize=4)  # one command has one; built once per process, the uids may take gigabytes
def row_filter(where: str, uids: str, uid_column: str) -> RowFilter:
    """Return the filter of the options ``--where``, ``--uids`` and ``--uid-column``; an empty text is off."""
    parsed = None
    if where:
        from pipeline.sources.tables.where import Where  # sqlglot takes 0.2 s to import

        parsed = Where(where)
    return RowFilter(parsed, load_uids(uids) if uids else None, uid_column)
