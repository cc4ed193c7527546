"""The end of a finished folder that changes: its plans, old and new, in; sizes, index, counts, manifest staged."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipeline.download.again.counted_pairs import CountedPairs, stage_fetched
from pipeline.download.finish import counts_of
from pipeline.download.shard.index import index_tables
from pipeline.download.shard.numbering import PlanUnit
from schemas.manifest import read_manifest, read_records
from schemas.rewritten import Rewriting
from schemas.shard_index import INDEX_NAME, SHARD_INDEX
from schemas.shards_folder import SIZES_FILE, STATS_SUFFIX, TAR_SUFFIX, shard_name, without_images_name
from schemas.staged_manifest import stage_manifest
from schemas.storage import FileRecord
from schemas.tables import write_tables
from schemas.tables_dir import QUERY_COUNTS_NAME, find_table, tables_path
from schemas.units import commit_unit


def stem_of(plan: int, shard: int | None) -> str:
    """Return the base name of a plan's table and stats."""
    return without_images_name(plan) if shard is None else shard_name(shard)


def stage_plan(
    rewriting: Rewriting, plan: int, shard: int | None, files: Sequence[tuple[str, str, FileRecord]],
    body: dict[str, Any],
) -> PlanUnit:  # fmt: skip
    """Stage the stats of a plan whose `files` are staged: (staged name, suffix behind the stem or empty, record)."""
    stem, records = stem_of(plan, shard), []
    for staged, suffix, record in files:
        name = f"{stem}{suffix}" if suffix else record.name
        records.append(replace(record, name=name))
        rewriting.placed.append((staged, name))
    return commit_plan(rewriting, plan, shard, records, body)


def commit_plan(
    rewriting: Rewriting, plan: int, shard: int | None, records: list[FileRecord], body: dict[str, Any]
) -> PlanUnit:
    """Stage the stats of a plan over files with their last names."""
    name = f"{stem_of(plan, shard)}{STATS_SUFFIX}"
    unit = commit_unit(rewriting.staged, name, records, {**body, "plan": plan})
    rewriting.placed.append((name, name))
    return PlanUnit(unit, plan, shard)


def stage_end(
    rewriting: Rewriting, before: Sequence[PlanUnit], after: Sequence[PlanUnit], pairs: Sequence[CountedPairs],
    sign: int, told: dict[str, int], rewritten: Sequence[FileRecord] = (),
) -> str:  # fmt: skip
    """Stage what is of all shards, and the manifest; return its SHA-256.

    `pairs` are those that came (`sign` 1) or went (-1); `told` are numbers of the summary that grow; `rewritten` are
    further tables that are staged.
    """
    folder, staged = rewriting.folder, rewriting.staged
    summary = read_manifest(folder, "shards")["summary"]
    files = read_records(folder)
    for found in before:
        for record in found.unit.files:
            files.pop(record.name, None)
    sizes = {
        f"{shard_name(found.shard)}{TAR_SUFFIX}": found.unit.body.count("successes")
        for found in after
        if found.shard is not None
    }
    counts_name = find_table(folder, QUERY_COUNTS_NAME)
    first = summary["selections"][-1]["summary"].get("shards", {}).get("first", 0)
    ends = [
        staged.write_json(SIZES_FILE, sizes),
        write_tables(staged, tables_path(INDEX_NAME), index_tables(after), SHARD_INDEX),
        stage_fetched(folder, staged, counts_name, files.pop(counts_name), pairs, first, sign),
    ]
    last = ends[-1]
    ends += rewritten
    if counts_name != last.name:
        rewriting.deleted.append(counts_name)
    rewriting.placed += [(record.name, record.name) for record in ends]
    files |= {record.name: record for found in after for record in found.unit.files}
    files |= {record.name: record for record in ends}
    counts = counts_of([found.unit.body for found in after])
    tar_bytes = sum(record.bytes for record in files.values() if record.name.endswith(TAR_SUFFIX))
    summary |= {
        **counts,
        "shards": len(sizes),
        "tar_bytes": tar_bytes,
        "stored_bytes": tar_bytes,
        **{name: summary.get(name, 0) + value for name, value in told.items()},
    }
    return stage_manifest(rewriting, "shards", files, counts["images_succeeded"], summary)
