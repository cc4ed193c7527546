"""The end of a candidates folder: finished units in; joined rejections, drops and the manifest out."""

from typing import Any

import pyarrow as pa

from pipeline.collect.drops import DROPS, SampledDrops
from pipeline.collect.extra_columns import empty_columns
from pipeline.collect.extract import (
    ALL_DROPPED,
    ARCHIVE_RECORDS,
    CONTENT_BYTES,
    CUT_RECORDS,
    DROPPED,
    MATCHED_PAIRS,
    MATCHES,
    PARTS,
    RECORDS,
    REJECTED,
    UNFIT,
)
from pipeline.collect.rejected import summed
from pipeline.collect.repeated import REPEATED_CAPTION
from pipeline.collect.steps import (
    CANDIDATES,
    CAPTIONS_PER_IMAGE,
    DROPPED_PARTS,
    DUPLICATES,
    PARTITIONS,
    ROWS_KEPT,
)
from schemas.candidate import candidate_schema
from schemas.manifest import write_manifest
from schemas.rejection import REJECTIONS
from schemas.run_record import RunRecord
from schemas.storage import Folder
from schemas.tables import read_table, write_table, write_tables
from schemas.units import Unit, finished_units, read_unit

_REPORTED_OPTIONS = (
    "match_rule", "drop_tracking_parameters", "captions_per_image", "captions_seed", "max_images_per_caption",
)  # fmt: skip

MAX_PACKED = 300
"""LZ4 packs no bytes into less than a 255th of them."""


def finish_candidates(
    output: Folder,
    record: RunRecord,
    parts: list[Unit],
    extra: pa.StructType,
    num_partitions: int,
    num_passed_over: int,
) -> dict[str, Any]:
    units = _units(output, PARTITIONS, 1)
    files = [file for unit in units for file in unit.files]
    rejected = (read_table(output, unit.files[1].name, REJECTIONS, record=unit.files[1]) for unit in parts)
    files.append(write_tables(output, "rejections/collect.parquet", (t for t in rejected if len(t)), REJECTIONS))
    dropped_units = _units(output, DROPPED_PARTS, 1)
    drops = SampledDrops()
    for sample in [unit.files[2] for unit in parts] + [unit.files[0] for unit in dropped_units]:
        drops.add(read_table(output, sample.name, DROPS, record=sample))
    files.append(write_table(output, "drops/collect.parquet", drops.sample, DROPS))
    counts = summed([unit.body.counts("counts") for unit in [*parts, *dropped_units]])
    rows_kept = sum(unit.body.count(ROWS_KEPT) for unit in units)
    counts[DROPPED + CAPTIONS_PER_IMAGE] = (
        counts.get(MATCHED_PAIRS, 0) - counts.get(DROPPED + REPEATED_CAPTION, 0) - rows_kept
    )
    dropped = {
        name.removeprefix(DROPPED): count for name, count in counts.items() if count and name.startswith(DROPPED)
    }
    candidates = sum(unit.files[0].rows for unit in units)
    summary = {
        "counts": {
            **{name: counts.get(name, 0) for name in (RECORDS, REJECTED)},
            **{name: counts[name] for name in (ARCHIVE_RECORDS, CUT_RECORDS) if name in counts},
            ALL_DROPPED: sum(dropped.values()),
            **{name: counts.get(name, 0) for name in (MATCHED_PAIRS, MATCHES)},
            DUPLICATES: rows_kept - candidates,
            CANDIDATES: candidates,
        },
        "rejected_by_reason": summed([unit.body.counts("rejected_by_reason") for unit in parts]),
        "dropped_by_reason": dropped,
        "columns_without_value": empty_columns(parts),
        "values_unfit": {name.removeprefix(UNFIT): count for name, count in counts.items() if name.startswith(UNFIT)},
        "files_passed_over": num_passed_over,
        **{name: record.config[name] for name in _REPORTED_OPTIONS},
        "num_partitions": num_partitions,
        "columns": [f"{field.name}: {field.type}" for field in candidate_schema(extra)],
    }
    output.delete_temporaries()
    return write_manifest(
        output, "candidates", files, rows=candidates, identity=record.identity, summary=summary
    )  # fmt: skip


def part_units(output: Folder) -> list[Unit]:
    """Return the units of the extract job. Raises ValueError for one that is not as it was written."""
    units = _units(output, PARTS, 3)
    for unit in units:
        if unit.body.count(CONTENT_BYTES) > MAX_PACKED * (unit.files[0].bytes + 1024):  # it sets how many partitions
            raise ValueError(
                f"{unit.body.where}: found {unit.body[CONTENT_BYTES]} {CONTENT_BYTES} in a part of "
                f"{unit.files[0].bytes} bytes; the file was changed or damaged, delete it and run the command again"
            )
    return units


def _units(output: Folder, directory: str, num_files: int) -> list[Unit]:
    found = [read_unit(output, name) for name in finished_units(output, directory, ".json")]
    for unit in found:
        if unit is not None and len(unit.files) != num_files:
            raise ValueError(
                f"{unit.body.where}: expected {num_files} files, found {len(unit.files)}; the file was changed or "
                "damaged, delete it and run the command again"
            )
    return [unit for unit in found if unit is not None]
