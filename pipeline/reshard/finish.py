"""The end of a resharded folder: finished plans in; sizes, index, query tables, removals, manifest out."""

from collections.abc import Sequence
from typing import Any

from pipeline.download.finish import COPIED_TABLES, counts_of
from pipeline.download.shard.index import index_tables
from pipeline.download.shard.numbering import PlanUnit, delete_strays
from pipeline.download.shard.write import FORMAT
from pipeline.reshard.inputs import SourceFolder
from pipeline.reshard.plan import ReshardPlan, merged_removals
from pipeline.reshard.steps import made_unit
from pipeline.reshard.write import FOLDED
from schemas.manifest import normal_form_of, recorded, write_manifest
from schemas.removals import REMOVALS, REMOVALS_NAME
from schemas.shard_index import INDEX_NAME, SHARD_INDEX
from schemas.shards_folder import SIZES_FILE, TAR_SUFFIX, shard_name
from schemas.storage import Folder
from schemas.tables import write_table, write_tables
from schemas.tables_dir import find_table, tables_path
from schemas.units import Unit

RESHARDED = "resharded"
"""Key of the summary: what went in, what was left out, what was folded."""


def finish_reshard(
    output: Folder, work: Folder, sources: Sequence[SourceFolder], plans: Sequence[ReshardPlan], planned: Unit,
    identity: str,
) -> dict[str, Any]:  # fmt: skip
    """Write what is of all shards, and the manifest; return it. Raises FileNotFoundError when a plan is not done."""
    done = []
    for plan in plans:
        unit = made_unit(output, plan)
        if unit is None:
            raise FileNotFoundError(f"{output.url}: plan {plan.number} is not finished; run the command again")
        done.append(PlanUnit(unit, plan.number, plan.number if plan.kind == "samples" else None))
    files = [record for found in done for record in found.unit.files]
    sizes = {
        f"{shard_name(found.shard)}{TAR_SUFFIX}": found.unit.body.count("successes")
        for found in done
        if found.shard is not None
    }
    for name, source in zip(COPIED_TABLES, (sources[0].folder, sources[-1].folder), strict=True):
        record = recorded(source, find_table(source, name))
        files.append(output.write(tables_path(name), source.read_recorded(record), record.rows))
    files.append(output.write_json(SIZES_FILE, sizes))
    files.append(write_tables(output, tables_path(INDEX_NAME), index_tables(done), SHARD_INDEX))
    removals = merged_removals(sources)
    if len(removals):
        write_table(output, REMOVALS_NAME, removals, REMOVALS)
    counts = counts_of([found.unit.body for found in done])
    tar_bytes = sum(record.bytes for record in files if record.name.endswith(TAR_SUFFIX))
    summary = {
        **counts,
        "shards": len(sizes),
        FORMAT: "webdataset",
        "tar_bytes": tar_bytes,
        "stored_bytes": tar_bytes,
        "selections": selections_of(sources),
        RESHARDED: {**planned.body, FOLDED: sum(found.unit.body.count(FOLDED) for found in done)},
    }
    work.delete("")
    delete_strays(output, done)
    output.delete_temporaries()
    return write_manifest(
        output, "shards", files, rows=counts["images_succeeded"], identity=identity, summary=summary,
        normal_form=normal_form_of(sources[0].manifest),
    )  # fmt: skip


def selections_of(sources: Sequence[SourceFolder]) -> list[dict[str, Any]]:
    """Return the selections that the inputs are of, each once, in order."""
    found: dict[str, dict[str, Any]] = {}
    for source in sources:
        for selection in source.manifest["summary"].get("selections", []):
            found.setdefault(selection["manifest_sha256"], selection)
    return list(found.values())
