"""The rows of a plan out of the source tables, and the rejections that stand beside failures."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.download.outcome import TEXTS
from pipeline.reshard.inputs import SourceTable
from schemas.rejection import REJECTIONS, Rejection, rejections
from schemas.sample import MEMBERS, SHARD_TABLE, STATUS_FAILED_TO_DOWNLOAD, STATUS_SUCCESS
from schemas.storage import Folder
from schemas.stored_ids import from_stored
from schemas.tables import read_table

Int64s = npt.NDArray[np.int64]

REMOVED = "removed"
"""Reason of a sample that removals.parquet names, as `pipeline download` has it."""


class SourceRows:
    """Rows of all source tables, by their ordinals."""

    def __init__(self, tables: list[SourceTable]) -> None:
        self.tables = tables
        self._starts = np.cumsum([0, *(table.table.rows for table in tables)], dtype=np.int64)

    def take(self, ordinals: Int64s) -> tuple[pa.Table, Int64s, Int64s]:
        """Return the rows in the order of `ordinals`; of each its table and its row there.

        Each table is read once and compared with its record; one is in memory beside the rows.
        """
        of_table = np.searchsorted(self._starts, ordinals, side="right") - 1
        rows = ordinals - self._starts[of_table]
        parts, order = [], []
        for number in np.unique(of_table):
            asked = np.flatnonzero(of_table == number)
            source = self.tables[number]
            table = read_table(Folder(source.folder), source.table.name, record=source.table)
            parts.append(from_stored(table, SHARD_TABLE).take(pa.array(rows[asked])))
            order.append(asked)
        back = np.argsort(np.concatenate(order))
        return pa.concat_tables(parts).take(pa.array(back)).combine_chunks(), of_table, rows

    def first_schema(self) -> pa.Schema:
        """Return the schema in memory of all tables."""
        source = self.tables[0]
        table = read_table(Folder(source.folder), source.table.name, record=source.table)
        return from_stored(table.slice(0, 0), SHARD_TABLE).schema

    def failures(self, ordinals: Int64s) -> tuple[pa.Table, pa.Table]:
        """Return rows of images that failed or were removed, and a rejection for each, in their order."""
        table, of_table, rows = self.take(ordinals)
        gone = pc.equal(table["status"], STATUS_SUCCESS).to_numpy(zero_copy_only=False)
        found: list[pa.Table] = []
        for number in np.unique(of_table):
            asked = np.flatnonzero(of_table == number)
            found.append(self._rejections(self.tables[number], rows[asked], gone[asked], table.take(pa.array(asked))))
        beside = pa.concat_tables(found).combine_chunks()  # ordinals of failures ascend: so do their tables
        return as_removed(table, gone), beside

    def _rejections(self, source: SourceTable, rows: Int64s, gone: npt.NDArray[np.bool_], table: pa.Table) -> pa.Table:
        folder = Folder(source.folder)
        made = rejections(
            "download",
            [
                Rejection(REMOVED if is_gone else str(reason), source.table.name, int(row), url)
                for is_gone, reason, row, url in zip(
                    gone.tolist(), table["reason"].to_pylist(), rows.tolist(), table["url"].to_pylist(), strict=True
                )
            ],
        )
        if source.rejections is None:
            return made
        status = read_table(folder, source.table.name, columns=["status"], record=source.table)["status"]
        failed = pc.not_equal(status, STATUS_SUCCESS).to_numpy(zero_copy_only=False)
        noted = read_table(folder, source.rejections.name, REJECTIONS, record=source.rejections)
        if len(noted) != int(failed.sum()):
            raise ValueError(
                f"{folder.path(source.rejections.name)}: expected a row for each of {int(failed.sum())} images of "
                f"{source.table.name} that did not come, found {len(noted)}; the folder is damaged, make it again"
            )
        place = np.cumsum(failed) - 1
        both = pa.concat_tables([noted, made])
        return both.take(pa.array(np.where(gone, len(noted) + np.arange(len(rows)), place[rows])))


def as_removed(table: pa.Table, gone: npt.NDArray[np.bool_]) -> pa.Table:
    """Return `table` with the rows `gone` as failures of reason ``removed``; none has members."""
    mask = pa.array(gone)
    told = {"status": STATUS_FAILED_TO_DOWNLOAD, "error_message": TEXTS[REMOVED], "reason": REMOVED, "retryable": False}
    for name, value in told.items():
        field = table.schema.field(name)
        column = pc.if_else(mask, pa.scalar(value, field.type), table[name])
        table = table.set_column(table.schema.get_field_index(name), field, column)
    members = pa.array([[]] * len(table), MEMBERS)
    return table.set_column(table.schema.get_field_index("members"), table.schema.field("members"), members)
