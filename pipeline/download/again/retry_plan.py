"""Images of a finished folder that may heal: tables of its plans in; plans of what is asked for again out.

A plan takes the failures of neighbouring plans together until there are as many as a shard has samples: memory is that
of two shards and the same folder gives the same plans.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.download.again.table_counts import MAY_HEAL
from pipeline.download.shard.numbering import PlanUnit
from pipeline.download.shard.plan import ShardImages, ShardPlan
from schemas.buffers import one_chunk, string_buffers
from schemas.kernels.key_hashes import hash_keys
from schemas.removals import read_removals
from schemas.sample import EXTRA, SHARD_TABLE, STATUS_SUCCESS, further_captions_schema
from schemas.shards_folder import FIRST_HEALED_PLAN, TABLE_SUFFIX
from schemas.storage import FileRecord, Folder
from schemas.stored_ids import from_stored
from schemas.tables import read_table

ASKED_COLUMNS = [
    "key", "image_id", "url", "image_ref", "license", "caption", "captions", "pair_ids", "query_ids",
]  # fmt: skip
"""Of a shard's table: what `ShardImages` has."""


@dataclass(frozen=True)
class RetryPlan(ShardPlan):
    """The failures of some plans; ``selection`` is the URL of the shards folder, ``number`` counts from 0."""

    sources: tuple[FileRecord, ...] = ()
    """Their tables."""

    @property
    def healed(self) -> int:
        """The number of the plan that its healed images become, without those of earlier rounds."""
        return FIRST_HEALED_PLAN + self.number


def table_record(found: PlanUnit) -> FileRecord:
    """Return the table among the files of a plan."""
    return next(record for record in found.unit.files if "/" not in record.name and record.name.endswith(TABLE_SUFFIX))


def retry_plans(folder: Folder, plans: list[PlanUnit], samples: int) -> list[RetryPlan]:
    """Return the plans of what may heal of `plans`, each of at least `samples` images where there are as many."""
    found: list[RetryPlan] = []
    waiting: list[FileRecord] = []
    images = 0
    for plan in plans:
        record = table_record(plan)
        may_heal = plan.unit.body[MAY_HEAL] if MAY_HEAL in plan.unit.body else _count(folder, record)
        if may_heal:
            waiting.append(record)
            images += may_heal
        if images >= samples:
            found.append(_plan(folder, len(found), waiting))
            waiting, images = [], 0
    return [*found, _plan(folder, len(found), waiting)] if waiting else found


def _plan(folder: Folder, number: int, sources: list[FileRecord]) -> RetryPlan:
    return RetryPlan(number, number, folder.url, sources[0], tuple(sources))


def _count(folder: Folder, record: FileRecord) -> int:
    table = read_table(folder, record.name, SHARD_TABLE, ["retryable"], record)
    return int(pc.sum(table["retryable"]).as_py() or 0)


def read_retry_images(plan: RetryPlan) -> ShardImages:
    """Return the images of `plan` that may heal and are not removed, by key."""
    folder = Folder(plan.selection)
    tables = list(_failed(folder, plan.sources))
    table = pa.concat_tables(tables).sort_by("key")
    extra = table.schema.field(EXTRA).type.value_type if EXTRA in table.schema.names else pa.struct([])
    further = further_captions_schema(extra).empty_table()
    return ShardImages(table.combine_chunks(), np.zeros(len(table), dtype=np.int64), further, extra)


def _failed(folder: Folder, sources: tuple[FileRecord, ...]) -> Iterator[pa.Table]:
    removals = read_removals(folder)
    for record in sources:
        table = from_stored(read_table(folder, record.name, record=record), SHARD_TABLE)
        asked = pc.and_(table["retryable"], pc.not_equal(table["status"], STATUS_SUCCESS))
        table = table.filter(asked)
        if removals is not None and len(table):
            hashes = hash_keys(*string_buffers(one_chunk(table["key"])))
            table = table.filter(pa.array(~removals.of_keys(hashes)))
        names = [name for name in (*ASKED_COLUMNS, EXTRA) if name in table.schema.names]
        missing = [name for name in ASKED_COLUMNS if name not in names]
        if missing:
            raise ValueError(
                f"{folder.path(record.name)}: has no column {missing[0]!r} (shards of schema 1.3 and before cannot be "
                "asked for again); refill them with pipeline balance --failed"
            )
        yield table.select(names)
