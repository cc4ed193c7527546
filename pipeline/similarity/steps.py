"""The Beam steps of `pipeline filter`: they route, count and commit, the pure functions beside them do the work."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.metrics import Metrics
from apache_beam.utils.shared import Shared

from pipeline.runners.failures import names_element
from pipeline.shuffle.elements import bounded
from pipeline.similarity.clusters import CLUSTERS_A_ROW, nearest
from pipeline.similarity.cosine import Features, Ints, features
from pipeline.similarity.inputs import FeatureFile, images_of, read_images
from pipeline.similarity.measure import MEASURED, histogram, measured, values_of_pairs
from pipeline.similarity.near import near_duplicates
from pipeline.similarity.reasons import KEPT, Rules
from schemas.arrow_types import buffer_of, buffers_of, schema_of
from schemas.filtered import NEAR_DUPLICATES
from schemas.storage import Folder
from schemas.tables import read_stream, write_stream
from schemas.units import commit_unit, read_unit

NAMESPACE = "filter"
MEASURED_ROWS, WITHOUT_TEXT, HISTOGRAM = "measured_rows", "without_text", "histogram"
REFUSED = "refused"
"""Key of a commit, in place of the counts, of a file that cannot be measured: why."""
COMPARED_ROWS, NEAR_ROWS = "compared_rows", "near_rows"
"""compared_rows counts a row once in each of its clusters."""

MEASURED_DIR, NEAR_DIR = "measured", "near"
"""Of the units: a file of features; a partition of clusters."""

GATHERED_BYTES = 64 << 20
"""Of rows that are cut into partitions at a time."""

NEAR_FOUND = schema_of([pa.field("row", pa.int64(), nullable=False), *NEAR_DUPLICATES])


def clustered_schema(width: int) -> pa.Schema:
    """Return the schema of rows on their way to their clusters; features as bytes of float16."""
    return schema_of(
        [
            pa.field("row", pa.int64(), nullable=False),
            pa.field("cluster", pa.int32(), nullable=False),
            pa.field("similarity", pa.float64(), nullable=False),
            pa.field("id", pa.string(), nullable=False),
            pa.field("features", pa.binary(2 * width), nullable=False),
        ]
    )


class _SharedImages:
    """Images of the evaluation sets, once per process. Held weakly, as `Shared` asks."""

    def __init__(self, files: Sequence[FeatureFile]) -> None:
        self.images = read_images(files)


class MeasureFile(beam.DoFn):
    """FeatureFile in; writes and commits `MEASURED` of its rows."""

    def __init__(
        self, output_url: str, evaluation: Sequence[FeatureFile], threshold: float | None, shared: Shared
    ) -> None:
        self._output_url, self._evaluation, self._shared = output_url, evaluation, shared
        self._threshold = 1.0 if threshold is None else threshold

    def setup(self) -> None:
        self._output = Folder(self._output_url)
        self._holder = self._shared.acquire(self._read_images) if self._evaluation else None

    def _read_images(self) -> _SharedImages:
        return _SharedImages(self._evaluation)

    @names_element
    def process(self, element: FeatureFile) -> Iterator[int]:
        images = self._holder.images if self._holder is not None else None
        counts, without_text = histogram(np.zeros(0)), 0

        def tables() -> Iterator[pa.Table]:
            nonlocal counts, without_text
            for table in element.tables():
                found = measured(table, element, images, self._threshold)
                counts = counts + histogram(values_of_pairs(found))
                without_text += found["similarity"].null_count
                yield found

        name = f"{MEASURED_DIR}/{element.number:05d}"
        try:
            record = write_stream(self._output, f"{name}.arrow", tables(), MEASURED)
        except ValueError as error:  # what is wrong with the file or a row of it
            commit_unit(self._output, f"{name}.json", [], {REFUSED: str(error)})
            return
        body = {WITHOUT_TEXT: without_text, HISTOGRAM: counts.tolist()}
        commit_unit(self._output, f"{name}.json", [record], body)
        Metrics.counter(NAMESPACE, MEASURED_ROWS).inc(record.rows)
        yield element.number


class AssignFile(beam.DoFn):
    """FeatureFile in, (partition, `clustered_schema` table) out: the rows that stay, each in its nearest clusters."""

    def __init__(
        self, output_url: str, rules: Rules, centroids_KE: npt.NDArray[np.float16], num_partitions: int,
        wanted: frozenset[int],
    ) -> None:  # fmt: skip
        self._output_url, self._rules, self._centroids_KE = output_url, rules, centroids_KE
        self._num_partitions, self._wanted = num_partitions, wanted

    def setup(self) -> None:
        self._output = Folder(self._output_url)
        self._centroids = features(self._centroids_KE)

    @names_element
    def process(self, element: FeatureFile) -> Iterator[tuple[int, pa.Table]]:
        unit = read_unit(self._output, f"{MEASURED_DIR}/{element.number:05d}.json")
        assert unit is not None
        row = element.first_row
        gathered: list[pa.Table] = []
        for table, found in zip(
            element.tables(), read_stream(self._output, unit.files[0].name, unit.files[0]), strict=True
        ):
            gathered.append(clustered(table, found, element, row, self._rules, self._centroids))
            row += len(table)
            if sum(held.nbytes for held in gathered) > GATHERED_BYTES:
                yield from self._pieces(pa.concat_tables(gathered))
                gathered = []
        if gathered:
            yield from self._pieces(pa.concat_tables(gathered))

    def _pieces(self, table: pa.Table) -> Iterator[tuple[int, pa.Table]]:
        partition = table["cluster"].to_numpy() % self._num_partitions
        order = np.argsort(partition, kind="stable")
        table, partition = table.take(pa.array(order)), partition[order]
        for number in np.unique(partition):
            begin, end = np.searchsorted(partition, number), np.searchsorted(partition, number, side="right")
            if int(number) in self._wanted:
                for piece in bounded(table.slice(begin, end - begin)):
                    yield int(number), piece


def clustered(
    table: pa.Table, found: pa.Table, file: FeatureFile, first_row: int, rules: Rules, centroids: Features
) -> pa.Table:
    """Return the rows of `table` that `rules` keep, as `clustered_schema`, once for each of their clusters."""
    stay = np.flatnonzero(rules.reasons(found) == KEPT)
    images = features(images_of(table, file)[stay])
    cluster_NC = nearest(images, centroids, CLUSTERS_A_ROW)
    times = np.repeat(np.arange(len(stay)), cluster_NC.shape[1])
    similarity = pc.fill_null(found["similarity"], -2.0).to_numpy()[stay]  # a pair without a text is the least wanted
    schema = clustered_schema(file.width)
    data = np.ascontiguousarray(images.half_NE[times])
    columns = [
        pa.array(first_row + stay[times]),
        pa.array(cluster_NC.reshape(-1).astype(np.int32)),
        pa.array(similarity[times]),
        table["id"].take(pa.array(stay[times])).combine_chunks(),
        pa.Array.from_buffers(schema.field("features").type, len(times), [None, buffer_of(data)]),
    ]
    return pa.Table.from_arrays(columns, schema=schema)


class WriteNear(beam.DoFn):
    """(partition, tables) in; writes the near-duplicates of its clusters and commits them."""

    def __init__(self, output_url: str, width: int, threshold: float) -> None:
        self._output_url, self._width, self._threshold = output_url, width, threshold

    def process(self, element: tuple[int, Iterable[pa.Table]]) -> Iterator[int]:
        number, tables = element
        rows, found = write_near(Folder(self._output_url), number, tables, self._width, self._threshold)
        Metrics.counter(NAMESPACE, COMPARED_ROWS).inc(rows)
        Metrics.counter(NAMESPACE, NEAR_ROWS).inc(found)
        yield number


class _Rows(NamedTuple):
    """Rows of a partition as they came."""

    row: Ints
    cluster: Ints
    similarity: npt.NDArray[np.float64]
    id: pa.ChunkedArray


def write_near(
    output: Folder, number: int, tables: Iterable[pa.Table], width: int, threshold: float
) -> tuple[int, int]:
    """Find the near-duplicates of a partition; return its rows, and how many were found.

    Features lie in a temporary file meanwhile, so a cluster may be larger than memory; of a row 28 bytes and its id are
    held. The file is in the output folder when that is local: there must be room (`pipeline.shuffle.room`).
    """
    with tempfile.TemporaryFile(dir=output.root if output.local else None) as spilled:
        rows = _spill(tables, spilled)
        half_NE = (
            np.memmap(spilled, dtype=np.float16, mode="r", shape=(len(rows.row), width)) if len(rows.row) else None
        )
        found = [NEAR_FOUND.empty_table()]
        if half_NE is not None:
            found += [_near_of(rows, half_NE, order, threshold) for order in _clusters(rows)]
            del half_NE
    table = pa.concat_tables(found)
    record = write_stream(output, f"{NEAR_DIR}/{number:05d}.arrow", [table], NEAR_FOUND)
    commit_unit(output, f"{NEAR_DIR}/{number:05d}.json", [record], {})
    return len(rows.row), len(table)


def _spill(tables: Iterable[pa.Table], file: IO[bytes]) -> _Rows:
    told = []
    for table in tables:
        for chunk in table["features"].chunks:
            size = chunk.type.byte_width
            file.write(memoryview(buffers_of(chunk)[1])[chunk.offset * size : (chunk.offset + len(chunk)) * size])
        told.append(pa.table(table.drop_columns(["features"])))
    file.flush()
    if not told:
        return _Rows(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), pa.chunked_array([], pa.string()))
    joined = pa.concat_tables(told)
    return _Rows(
        joined["row"].to_numpy(), joined["cluster"].to_numpy(), joined["similarity"].to_numpy(), joined["id"]
    )  # fmt: skip


def _clusters(rows: _Rows) -> Iterator[Ints]:
    """Yield for each cluster its rows, the best fitting pair first, then in the order of the input."""
    order = np.lexsort((rows.row, -rows.similarity, rows.cluster))
    starts = np.flatnonzero(np.diff(rows.cluster[order], prepend=-1))
    yield from np.split(order, starts[1:])


def _near_of(rows: _Rows, half_NE: npt.NDArray[np.float16], order: Ints, threshold: float) -> pa.Table:
    found = near_duplicates(half_NE, order, threshold)
    removed, kept = order[found.removed], order[found.kept]
    columns = [pa.array(rows.row[removed]), rows.id.take(pa.array(removed)), rows.id.take(pa.array(kept))]
    return pa.Table.from_arrays([*columns, pa.array(found.cosines)], schema=NEAR_FOUND)
