"""The end of `pipeline filter`: what was measured and found in; the lists of what is to be removed, and why, out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.similarity.inputs import FeatureFile, read_ids
from pipeline.similarity.reasons import KEPT, Rules
from pipeline.similarity.steps import HISTOGRAM, MEASURED_DIR, NEAR_DIR, WITHOUT_TEXT
from schemas.buffers import one_chunk, string_buffers
from schemas.feature_files import UNUSABLE, FeatureFiles
from schemas.filtered import (
    EVALUATION_MATCHES,
    KIND,
    MATCHES_NAME,
    NEAR,
    NEAR_DUPLICATES,
    NEAR_NAME,
    NO_FEATURES,
    REASONS,
    REMOVED,
    REMOVED_NAME,
)
from schemas.kernels.key_hashes import hash_keys
from schemas.manifest import write_manifest
from schemas.run_record import RunRecord
from schemas.storage import Folder
from schemas.tables import read_stream, read_table, write_tables
from schemas.units import Unit, read_unit


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the jobs left in the output folder."""

    output: Folder
    source: FeatureFiles
    files: Sequence[FeatureFile]
    rules: Rules
    drop_unusable: bool
    num_partitions: int
    """Of clusters; 0: near-duplicates were not asked for."""

    def measured(self) -> Iterator[pa.Table]:
        """Yield `MEASURED` of all rows in their order."""
        for unit in measured_units(self.output, self.files):
            yield from read_stream(self.output, unit.files[0].name, unit.files[0])

    def near(self) -> Iterator[pa.Table]:
        """Yield `NEAR_DUPLICATES`, each row once, as the first of its clusters has it. A byte a row is held."""
        seen = np.zeros(self.source.rows, dtype=np.bool_)
        for number in range(self.num_partitions):
            unit = read_unit(self.output, f"{NEAR_DIR}/{number:05d}.json")
            assert unit is not None
            for table in read_stream(self.output, unit.files[0].name, unit.files[0]):
                rows = table["row"].to_numpy()
                first = np.zeros(len(rows), dtype=np.bool_)
                first[np.unique(rows, return_index=True)[1]] = True
                first &= ~seen[rows]
                seen[rows] = True
                yield table.filter(pa.array(first)).select(NEAR_DUPLICATES.names)


def measured_units(output: Folder, files: Sequence[FeatureFile]) -> Iterator[Unit]:
    """Yield what was measured of each file, in their order."""
    for file in files:
        unit = read_unit(output, f"{MEASURED_DIR}/{file.number:05d}.json")
        assert unit is not None
        yield unit


def finish_filter(
    found: Found, record: RunRecord, evaluations: Sequence[Sequence[FeatureFile]], settings: dict[str, Any]
) -> dict[str, Any]:
    """Write the lists and the manifest, whose summary holds `settings` too; return it."""
    output, counts = found.output, Counter[str]()
    near = write_tables(output, NEAR_NAME, found.near(), NEAR_DUPLICATES)
    matches = write_tables(output, MATCHES_NAME, _matches(found, evaluations), EVALUATION_MATCHES)
    removed = write_tables(output, REMOVED_NAME, _removed(found, counts), REMOVED)
    units = list(measured_units(output, found.files))
    num_removed = sum(counts[reason] for reason in REASONS)
    summary = {
        "rows": found.source.rows,
        "unusable": sum(file.rows for file in found.source.unusable),
        "without_text": sum(unit.body.count(WITHOUT_TEXT) for unit in units),
        "removed_by_reason": {reason: counts[reason] for reason in REASONS},
        "kept": found.source.rows - num_removed + counts[_UNUSABLE],
        "same_key": _same_key(found) - (num_removed - counts[_UNUSABLE]),
        "least_similarity": found.rules.least,
        "histogram": np.sum([unit.body[HISTOGRAM] for unit in units], axis=0).tolist(),
        **settings,
    }
    output.delete_temporaries()
    return write_manifest(
        output, KIND, [near, matches, removed], rows=removed.rows, identity=record.identity, summary=summary
    )


_UNUSABLE = "unusable"


def _removed(found: Found, counts: "Counter[str]") -> Iterator[pa.Table]:
    """Yield `REMOVED`: what was measured in the order of rows, what could not be embedded, near-duplicates."""
    for table in found.measured():
        reasons = found.rules.reasons(table)
        rows = np.flatnonzero(reasons != KEPT)
        for place, count in enumerate(np.bincount(reasons[rows], minlength=len(REASONS))):
            counts[REASONS[place]] += int(count)
        names = pa.array(REASONS).take(pa.array(reasons[rows]))
        yield pa.Table.from_arrays([table["id"].take(pa.array(rows)), names], schema=REMOVED)
    for record in found.source.unusable if found.drop_unusable else ():
        table = read_table(found.source.folder, record.name, UNUSABLE, record=record)
        counts.update({NO_FEATURES: len(table), _UNUSABLE: len(table)})
        yield _for(table["id"], NO_FEATURES)
    for table in found.near():
        counts[NEAR] += len(table)
        yield _for(table["key"], NEAR)


def _for(keys: pa.ChunkedArray, reason: str) -> pa.Table:
    return pa.Table.from_arrays([keys, pa.repeat(reason, len(keys))], schema=REMOVED)


def _matches(found: Found, evaluations: Sequence[Sequence[FeatureFile]]) -> Iterator[pa.Table]:
    """Yield `EVALUATION_MATCHES` in the order of rows."""
    if not evaluations:
        return
    ids = [read_ids(files) for files in evaluations]
    starts = np.cumsum([0, *map(len, ids)])
    joined = pa.chunked_array([chunk for column in ids for chunk in column.chunks], pa.string())
    for table in found.measured():
        table = table.filter(table["evaluation_row"].is_valid())
        rows = table["evaluation_row"].to_numpy()
        numbers = np.searchsorted(starts, rows, side="right") - 1
        columns = [table["id"], pa.array(numbers, pa.int32()), joined.take(pa.array(rows))]
        yield pa.Table.from_arrays([*columns, table["evaluation_similarity"]], schema=EVALUATION_MATCHES)


def _same_key(found: Found) -> int:
    """Return how many rows have a key that is to be removed; 8 bytes a removed sample are held."""
    removed = np.unique(_hashes(read_table(found.output, REMOVED_NAME, REMOVED, columns=["key"])["key"]))
    return sum(int(np.isin(_hashes(table["id"]), removed).sum()) for table in found.measured())


def _hashes(keys: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    return np.asarray(hash_keys(*string_buffers(one_chunk(keys))))
