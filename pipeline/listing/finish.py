"""The end of a listing: finished units in; rejections, empty query tables, the selection's manifest out."""

from typing import Any

import pyarrow as pa

from pipeline.balance.settings import SHARDS, WORK
from pipeline.balance.steps.layout import IMAGES
from pipeline.collect.extra_columns import empty_columns
from pipeline.collect.extract import ARCHIVE_RECORDS, CUT_RECORDS, DROPPED, RECORDS, REJECTED, UNFIT
from pipeline.collect.rejected import summed
from pipeline.listing.steps import BLANKS, DUPLICATES, IMAGES_OF, WITHOUT_CAPTION
from schemas.candidate import QUERY_COUNTS, candidate_schema
from schemas.manifest import write_manifest
from schemas.query import QUERIES
from schemas.rejection import REJECTIONS
from schemas.run_record import RunRecord
from schemas.storage import Folder
from schemas.tables import read_table, write_table, write_tables
from schemas.tables_dir import QUERIES_NAME, QUERY_COUNTS_NAME, tables_path
from schemas.units import Unit, finished_units, read_unit

PAIRS = "pairs"


def finish_listing(
    output: Folder, record: RunRecord, parts: list[Unit], extra: pa.StructType, num_passed_over: int
) -> dict[str, Any]:
    """Write rejections, the tables of no queries and the manifest over complete plans; return the manifest."""
    plans = _units(output, SHARDS)
    files = [file for unit in plans for file in unit.files]
    pairs = sum(file.rows for file in files)
    num_plans = len(files)
    rejected = (read_table(output, unit.files[1].name, REJECTIONS, record=unit.files[1]) for unit in parts)
    files.append(write_tables(output, "rejections/collect.parquet", (t for t in rejected if len(t)), REJECTIONS))
    for name, schema in ((QUERIES_NAME, QUERIES), (QUERY_COUNTS_NAME, QUERY_COUNTS)):
        files.append(write_table(output, tables_path(name), schema.empty_table(), schema))
    counts = summed([unit.body.counts("counts") for unit in parts])
    partitions = _units(output, IMAGES_OF)
    summary = {
        "config": record.config,
        "counts": {
            **{name: counts.get(name, 0) for name in (RECORDS, REJECTED)},
            **{name: counts[name] for name in (ARCHIVE_RECORDS, CUT_RECORDS) if name in counts},
            **{name: sum(unit.body.count(name) for unit in partitions) for name in (DUPLICATES, BLANKS)},
            PAIRS: pairs,
            WITHOUT_CAPTION: sum(unit.body.count(WITHOUT_CAPTION) for unit in partitions),
            IMAGES: sum(unit.body.count(IMAGES) for unit in plans),
        },
        "rejected_by_reason": summed([unit.body.counts("rejected_by_reason") for unit in parts]),
        "dropped_by_reason": _after(DROPPED, counts),
        "columns_without_value": empty_columns(parts),
        "values_unfit": _after(UNFIT, counts),
        "files_passed_over": num_passed_over,
        "shards": {"first": 0, "count": num_plans, "before": 0},
        "columns": [f"{field.name}: {field.type}" for field in candidate_schema(extra)],
    }
    output.delete_temporaries()
    return write_manifest(output, "selection", files, rows=pairs, identity=record.identity, summary=summary)


def _units(output: Folder, prefix: str) -> list[Unit]:
    found = (read_unit(output, name) for name in finished_units(output, WORK, ".json") if name.startswith(f"{prefix}-"))
    return [unit for unit in found if unit is not None]


def _after(prefix: str, counts: dict[str, int]) -> dict[str, int]:
    return {name.removeprefix(prefix): count for name, count in counts.items() if count and name.startswith(prefix)}
