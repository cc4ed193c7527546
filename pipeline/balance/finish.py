"""The end of a balance: the tables of counts, the summary in numbers, the manifest.

The numbers have the names of the job's counters (README.md).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.balance.caps import tail_share
from pipeline.balance.counts import dense
from pipeline.balance.inputs import QUERIES_FILE
from pipeline.balance.limits import Limits, read_limits
from pipeline.balance.settings import COUNTS, SHARDS, WORK, Settings
from pipeline.balance.spread import Spread, joined
from pipeline.balance.steps.counting import CANDIDATES, MATCHES
from pipeline.balance.steps.layout import IMAGES, MATCHES_PER_IMAGE, MATCHES_PER_TEXT
from pipeline.balance.steps.selecting import MATCHES_OF_SELECTED, SELECTED_PAIRS
from pipeline.balance.steps.shared_state import read_thresholds
from pipeline.balance.steps.sums import read_sums
from pipeline.balance.steps.totals import EXPECTED_SELECTED, SELECTED_BEFORE, read_totals
from pipeline.queries.metaclip_files import write_entry_counts
from pipeline.shuffle.exchange import EXCHANGE
from schemas.candidate import QUERY_COUNTS, candidate_schema
from schemas.manifest import recorded, write_manifest
from schemas.run_record import RunRecord
from schemas.storage import FileRecord, Folder
from schemas.tables import write_table
from schemas.tables_dir import NOT_REFILLABLE_NAME, QUERIES_NAME, QUERY_COUNTS_NAME, tables_path
from schemas.units import finished_units, read_unit

NOT_REFILLABLE = pa.schema(
    [
        pa.field("query_id", pa.int32(), nullable=False),
        pa.field("matched_before", pa.int64(), nullable=False),
        pa.field("matched", pa.int64(), nullable=False),
        pa.field("lost", pa.int64(), nullable=False),
    ]
)
"""``tables/not_refillable.parquet`` of a refill: queries without spares. matched_before counts all candidates, matched
those whose image has not failed, lost the pairs the query kept and nothing can take the place of:
min(cap, matched_before) - min(cap, matched)."""


def finish(
    output: Folder, queries: Folder, record: RunRecord, settings: Settings, fetched: npt.NDArray[np.int64]
) -> dict[str, Any]:
    """Write counts, queries and manifest over complete shard plans, delete the work folder; return the manifest.

    `fetched` counts the pairs earlier rounds fetched, by query.
    """
    limits, counts = read_limits(output), read_sums(output, COUNTS)
    kept, selected = (dense(counts, name, settings.num_queries) for name in ("kept", "selected"))
    totals = read_totals(output)
    found = (read_unit(output, name) for name in finished_units(output, WORK, ".json") if name.startswith(SHARDS))
    units = [unit for unit in found if unit is not None]
    plans = [file for unit in units for file in unit.files]
    files = [*plans, _write_query_counts(output, limits, kept, selected, fetched)]
    listed = queries.read_recorded(recorded(queries, QUERIES_FILE))
    files.append(output.write(tables_path(QUERIES_NAME), listed, settings.num_queries))
    if record.config["write_entry_counts"]:
        files.append(write_entry_counts(output))
    if settings.refill:
        files.append(_write_not_refillable(output, limits))
    pairs = sum(plan.rows for plan in plans)
    summary = {
        "config": record.config,
        "candidates_sha256": record.inputs[0]["manifest_sha256"],
        "refill": settings.refill,
        "caps": dict(zip(settings.languages, limits.language_caps, strict=True)),
        "counts": {
            CANDIDATES: settings.candidates_rows,
            SELECTED_PAIRS: pairs,
            SELECTED_BEFORE: totals.before,
            IMAGES: sum(unit.body[IMAGES] for unit in units),
            MATCHES: int(limits.matched.sum()),
            MATCHES_OF_SELECTED: int(selected.sum()),
            EXPECTED_SELECTED: round(totals.expected_pairs, 3),
        },
        "distributions": {
            name: joined(Spread(**unit.body[name]) for unit in units).as_json()
            for name in (MATCHES_PER_TEXT, MATCHES_PER_IMAGE)
        },
        "queries": limits.shape(),
        "not_refillable": limits.not_refillable(),
        "tail_share": tail_share(limits.matched, limits.caps),
        "shards": {"first": settings.first_shard, "count": len(plans), "before": settings.shards_before},
        "columns": [f"{field.name}: {field.type}" for field in candidate_schema(settings.extra)],
    }
    output.delete_temporaries()
    manifest = write_manifest(output, "selection", files, rows=pairs, identity=record.identity, summary=summary)
    for directory in (WORK, EXCHANGE):
        output.delete(directory)
    return manifest


def _write_query_counts(
    output: Folder,
    limits: Limits,
    kept: npt.NDArray[np.int64],
    selected: npt.NDArray[np.int64],
    fetched: npt.NDArray[np.int64],
) -> FileRecord:
    thresholds = read_thresholds(output)
    ranks = np.zeros(len(kept), dtype=np.uint64)
    uncapped = np.ones(len(kept), dtype=bool)
    queries = thresholds["query_id"].to_numpy()
    ranks[queries] = thresholds["rank"].to_numpy()
    uncapped[queries] = False
    columns = [
        pa.array(np.arange(len(kept)), pa.int32()),
        *(pa.array(values, pa.int64()) for values in (limits.matched, kept, selected, fetched)),
        pa.array(ranks, pa.uint64(), mask=uncapped),
    ]
    table = pa.Table.from_arrays(columns, schema=QUERY_COUNTS)
    return write_table(output, tables_path(QUERY_COUNTS_NAME), table, QUERY_COUNTS)


def _write_not_refillable(output: Folder, limits: Limits) -> FileRecord:
    """Write, per query that keeps fewer pairs than before any image failed, how many; its spares are used up."""
    lost = limits.lost()
    queries = np.flatnonzero(lost)
    values = (queries, limits.matched_before[queries], limits.matched[queries], lost[queries])
    columns = [pa.array(found, field.type) for found, field in zip(values, NOT_REFILLABLE, strict=True)]
    table = pa.Table.from_arrays(columns, schema=NOT_REFILLABLE)
    return write_table(output, tables_path(NOT_REFILLABLE_NAME), table, NOT_REFILLABLE)
