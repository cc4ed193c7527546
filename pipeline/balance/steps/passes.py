"""What the passes over the candidates share: a file read a row group at a time, and rows cut by partition.

Every pass reads the files of candidates anew. What a pass decides for all (limits, thresholds) is a file of the work
folder (`shared_state`); a side input makes the next pass wait for it.
"""

from collections.abc import Callable, Iterator

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.balance.ordering import grouped_rows
from pipeline.balance.row_groups import read_row_groups
from pipeline.balance.settings import BUFFER_BYTES, CandidateFile
from pipeline.balance.steps.shared_state import SharedState
from pipeline.shuffle.elements import bounded
from schemas.arrow_types import list_array
from schemas.candidate import candidate_schema
from schemas.checked import check_indices
from schemas.storage import Folder

NAMESPACE = "balance"
"""Of the counters; their names are those of the report."""


class PassOverCandidates(beam.DoFn):
    """A step whose elements are files of candidates."""

    def __init__(self, shared: SharedState) -> None:
        self._settings, self._shared = shared.settings, shared

    def setup(self) -> None:
        self._state = self._shared.acquire()

    def _read(self, file: CandidateFile, columns: list[str] | None, hashed: bool = False) -> Iterator[pa.Table]:
        """Yield the row groups of `file`: `columns`, or all; its query ids are those of queries.

        The first pass compares the file's hash (`hashed`), the others its size.
        """
        schema = candidate_schema(self._settings.extra)
        folder = Folder(self._settings.candidates_url)
        if hashed:
            data = folder.read_recorded(file.record)
        else:
            data = folder.read(file.name)
            folder.check_recorded(file.record, len(data))
        where = folder.path(file.name)
        for table in read_row_groups(data, where, schema, columns):
            if columns is None or "query_ids" in columns:
                for chunk in table["query_ids"].chunks:
                    check_indices(list_array(chunk).flatten(), self._settings.num_queries, where, "query_ids")
            yield table

    def _read_alive(self, file: CandidateFile, columns: list[str] | None) -> Iterator[pa.Table]:
        """Yield the row groups of `file` without the pairs of failed images."""
        earlier = self._state.earlier
        if earlier is None:
            yield from self._read(file, columns)
            return
        for table in self._read(file, columns and [*columns, "image_id"]):
            yield table.filter(pa.array(earlier.alive(table))).combine_chunks()


class CutByPartition:
    """Rows gathered over the files of a bundle, cut into (partition, rows of it), each small enough for an element."""

    def __init__(self, partition_of: Callable[[pa.Table, int], npt.NDArray[np.int64]]) -> None:
        """`partition_of` tells the partition of each row from a table and the number of partitions."""
        self._partition_of = partition_of
        self._waiting: list[pa.Table] = []
        self._waiting_bytes = 0

    def add(self, table: pa.Table, num_partitions: int) -> Iterator[tuple[int, pa.Table]]:
        """Take `table`; yield what is due."""
        self._waiting.append(table)
        self._waiting_bytes += table.nbytes
        if self._waiting_bytes >= BUFFER_BYTES:
            yield from self.rest(num_partitions)

    def rest(self, num_partitions: int) -> Iterator[tuple[int, pa.Table]]:
        """Yield what is gathered; an empty table of partition 0 too, so that it is there when no row is."""
        if not self._waiting:
            return
        yield 0, self._waiting[0].slice(0, 0)
        together = pa.concat_tables(self._waiting)
        self._waiting, self._waiting_bytes = [], 0
        if num_partitions == 1:
            yield from ((0, piece.combine_chunks()) for piece in bounded(together))
            return
        partition = self._partition_of(together, num_partitions)
        ordered = together.take(pa.array(grouped_rows(partition, np.arange(len(partition)))))
        ends = np.cumsum(np.bincount(partition, minlength=num_partitions))
        for number, end in enumerate(ends):
            begin = ends[number - 1] if number else 0
            yield from ((number, piece) for piece in bounded(ordered.slice(int(begin), int(end - begin))))


def at_end(value: object) -> WindowedValue:
    """Return `value` as an element of `finish_bundle`."""
    return WindowedValue(value, GlobalWindow().max_timestamp(), (GlobalWindow(),))
