"""What a retry brought, joined to the folder: staged (`schemas.rewritten`), no tar that is there is written again.

healed         gone from the table and the rejections of the plan where they had failed; a new shard behind the last
failed again   the new reason in their row and their rejection, which may not heal any more
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.download.again.all_shards import commit_plan, stage_end, stage_plan
from pipeline.download.again.counted_pairs import CountedPairs, count_pairs
from pipeline.download.again.retry_plan import RetryPlan, table_record
from pipeline.download.again.table_counts import table_counts
from pipeline.download.shard.numbering import PlanUnit
from schemas.rejection import REJECTIONS
from schemas.rewritten import WORK_DIR, Rewriting
from schemas.sample import SHARD_TABLE, STATUS_SUCCESS
from schemas.shards_folder import FIRST_HEALED_PLAN, REJECTIONS_DIR, TABLE_SUFFIX, TAR_SUFFIX, shard_name
from schemas.storage import FileRecord, Folder
from schemas.stored_ids import from_stored
from schemas.tables import read_table, write_table
from schemas.units import Unit


def stage_healed(
    folder: Folder, work: Folder, plans: Sequence[PlanUnit], retried: Sequence[tuple[RetryPlan, Unit]]
) -> tuple[Rewriting, int]:
    """Stage the finished `plans` of `folder` with what was `retried` into `work`; return the images healed, too."""
    rewriting = Rewriting(folder)
    by_table = {table_record(found).name: found for found in plans}
    after = {found.plan: found for found in plans}
    shard = 1 + max((found.shard for found in plans if found.shard is not None), default=-1)
    number = max([FIRST_HEALED_PLAN - 1, *after]) + 1
    pairs: list[CountedPairs] = []
    images = 0
    for plan, unit in retried:
        table = _table(work, _record_of(unit, TABLE_SUFFIX))
        for source in plan.sources:
            found = by_table[source.name]
            after[found.plan] = _stage_source(rewriting, found, source, table)
        healed = table.filter(pc.equal(table["status"], STATUS_SUCCESS))
        if len(healed):
            after[number] = _stage_shard(rewriting, work, unit, healed, number, shard)
            pairs.append(count_pairs(number, [healed]))
            images += len(healed)
            number, shard = number + 1, shard + 1
    stage_end(rewriting, plans, [after[plan] for plan in sorted(after)], pairs, 1, {"images_healed": images})
    return rewriting, images


def _record_of(unit: Unit, suffix: str) -> FileRecord:
    return next(record for record in unit.files if "/" not in record.name and record.name.endswith(suffix))


def _table(folder: Folder, record: FileRecord) -> pa.Table:
    return from_stored(read_table(folder, record.name, record=record), SHARD_TABLE)


def _stage_source(rewriting: Rewriting, found: PlanUnit, source: FileRecord, retried: pa.Table) -> PlanUnit:
    """Stage the table and the rejections of a plan some of whose failures were asked for again."""
    folder = rewriting.folder
    before = _table(folder, source)
    failed = pc.not_equal(before["status"], STATUS_SUCCESS).to_numpy(zero_copy_only=False)
    places = pc.index_in(before["key"], value_set=retried["key"].combine_chunks())
    asked = pc.and_(places.is_valid(), pa.array(failed)).to_numpy(zero_copy_only=False)
    places = np.where(asked, pc.fill_null(places, 0).to_numpy(), 0)
    came = pc.equal(retried["status"], STATUS_SUCCESS).to_numpy(zero_copy_only=False)
    healed = asked & came[places]
    rows = np.where(asked, len(before) + places, np.arange(len(before)))
    both = pa.concat_tables([before, retried.select(before.schema.names).cast(before.schema)])
    table = both.take(pa.array(rows[~healed])).combine_chunks()
    replaced = {source.name: write_table(rewriting.staged, source.name, table, table.schema)}
    name = f"{REJECTIONS_DIR}/{shard_name(found.plan)}{TABLE_SUFFIX}"
    records = {record.name: record for record in found.unit.files}
    if name in records:
        rejected = read_table(folder, name, REJECTIONS, record=records[name])
        if len(rejected) != int(failed.sum()):
            raise ValueError(
                f"{folder.path(name)}: expected a row for each of {int(failed.sum())} images of {source.name} that "
                f"did not come, found {len(rejected)}; the folder is damaged, make it again"
            )
        left = rejected.filter(pa.array(~healed[failed]))
        reasons = table["reason"].filter(pc.not_equal(table["status"], STATUS_SUCCESS))
        left = left.set_column(left.schema.get_field_index("reason"), REJECTIONS.field("reason"), reasons)
        replaced[name] = write_table(rewriting.staged, name, left, REJECTIONS)
    rewriting.placed += [(name, name) for name in replaced]
    files = [replaced.get(record.name, record) for record in found.unit.files]
    return commit_plan(rewriting, found.plan, found.shard, files, {**found.unit.body, **table_counts(table)})


def _stage_shard(rewriting: Rewriting, work: Folder, unit: Unit, healed: pa.Table, number: int, shard: int) -> PlanUnit:
    """Stage the shard of healed images: the tar as it was written, a table of the images in it."""
    folder, stem = rewriting.folder, shard_name(number)
    record = write_table(rewriting.staged, f"{stem}{TABLE_SUFFIX}", healed, healed.schema)
    tar = _record_of(unit, TAR_SUFFIX)
    below = work.url.removeprefix(f"{folder.url}/")
    folder.copy(f"{below}/{tar.name}", f"{WORK_DIR}/files/{stem}{TAR_SUFFIX}")
    files = [(f"{stem}{TAR_SUFFIX}", TAR_SUFFIX, tar), (record.name, TABLE_SUFFIX, record)]
    body: dict[str, Any] = {**unit.body, **table_counts(healed)}
    return stage_plan(rewriting, number, shard, files, body)
