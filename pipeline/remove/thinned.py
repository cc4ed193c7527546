"""One plan of a shards folder without the images that are removed: table, tar, rejections, further captions staged."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.download.again.counted_pairs import CountedPairs, count_pairs
from pipeline.download.again.table_counts import num_captions, table_counts
from pipeline.download.shard.index import NOTED, SampleOffsets
from pipeline.download.shard.numbering import PlanUnit
from pipeline.download.shard.tar import add_member, open_tar, position_of
from pipeline.remove.named import ImageSet
from schemas.arrow_types import values_of
from schemas.buffers import one_chunk
from schemas.rejection import REJECTIONS
from schemas.sample import (
    FURTHER_CAPTIONS,
    MEMBERS,
    SHARD_TABLE,
    STATUS_SUCCESS,
)
from schemas.shards_folder import FURTHER_CAPTIONS_DIR, REJECTIONS_DIR, TABLE_SUFFIX, TAR_SUFFIX, shard_name
from schemas.storage import FileRecord, Folder
from schemas.stored_ids import from_stored
from schemas.tables import read_table, write_table

ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class Thinned:
    """What is left of a plan."""

    plan: int
    files: list[tuple[str, str, FileRecord]]
    """Name among the staged files; suffix that comes behind the number of the shard, empty for files by plan; record
    whose name, without such a suffix, is that in the folder."""
    body: dict[str, Any]
    has_images: bool
    lost: CountedPairs
    images: int
    """Rows that went."""
    captions: int
    """And their captions, further ones included."""


def thin_plan(folder: Folder, staged: Folder, found: PlanUnit, removed: ImageSet) -> Thinned | None:
    """Stage `found` without the `removed`; None where it has none of them.

    Raises ValueError that names the file which is not as it was written, or the table that does not tell members.
    """
    records = {record.name: record for record in found.unit.files}
    table_name = next(name for name in records if "/" not in name and name.endswith(TABLE_SUFFIX))
    further_name = f"{FURTHER_CAPTIONS_DIR}/{shard_name(found.plan)}{TABLE_SUFFIX}"
    gone = removed.holds(_ids(folder, records[table_name], SHARD_TABLE))
    further_gone = np.zeros(0, dtype=np.bool_)
    if further_name in records:
        further_gone = removed.holds(_ids(folder, records[further_name], FURTHER_CAPTIONS))
    if not gone.any() and not further_gone.any():
        return None
    table = _whole(folder, records[table_name], SHARD_TABLE)
    came = pc.equal(table["status"], STATUS_SUCCESS).to_numpy(zero_copy_only=False)
    left, body = table.filter(pa.array(~gone)), dict(found.unit.body)
    stem = shard_name(found.plan)  # among the staged files, whatever the shard's number will be
    files = []
    tar_name = next((name for name in records if name.endswith(TAR_SUFFIX)), "")
    has_images = bool((came & ~gone).any())
    body.pop(NOTED, None)
    if has_images:
        record, members, noted = _thin_tar(folder, tar_name, staged, f"{stem}{TAR_SUFFIX}", left)
        files.append((record.name, TAR_SUFFIX, record))
        left = left.set_column(left.schema.get_field_index("members"), SHARD_TABLE.field("members"), members)
        body[NOTED] = noted
    record = write_table(staged, f"{stem}{TABLE_SUFFIX}", left, left.schema)
    files.append((record.name, TABLE_SUFFIX, record))
    tables = []
    rejections_name = f"{REJECTIONS_DIR}/{stem}{TABLE_SUFFIX}"
    if rejections_name in records:
        rejected = read_table(folder, rejections_name, REJECTIONS, record=records[rejections_name])
        if len(rejected) != int((~came).sum()):
            raise ValueError(
                f"{folder.path(rejections_name)}: expected a row for each of {int((~came).sum())} images of "
                f"{table_name} that did not come, found {len(rejected)}; the folder is damaged, make it again"
            )
        tables.append((rejections_name, rejected.filter(pa.array(~gone[~came]))))
    further = None
    if further_name in records:
        further = _whole(folder, records[further_name], FURTHER_CAPTIONS)
        further, further_lost = further.filter(pa.array(~further_gone)), further.filter(pa.array(further_gone))
        if len(further):
            tables.append((further_name, further))
    else:
        further_lost = None
    for name, written in tables:
        record = write_table(staged, name, written, written.schema)
        files.append((name, "", record))
    lost_rows = table.filter(pa.array(gone & came))
    lost = count_pairs(found.plan, [lost_rows, *([further_lost] if further_lost is not None else [])])
    body |= table_counts(left) | {"further_captions": num_captions(further)}
    captions = num_captions(table.filter(pa.array(gone))) + num_captions(further_lost)
    return Thinned(found.plan, files, body, has_images, lost, int(gone.sum()), captions)


def _ids(folder: Folder, record: FileRecord, schema: pa.Schema) -> pa.Array:
    return one_chunk(read_table(folder, record.name, schema, ["image_id"], record)["image_id"])


def _whole(folder: Folder, record: FileRecord, schema: pa.Schema) -> pa.Table:
    """Return a table with all its columns, those carried through from the input too."""
    table = read_table(folder, record.name, record=record)
    if schema is SHARD_TABLE and "members" not in table.schema.names:
        raise ValueError(
            f"{folder.path(record.name)}: tells no members of the tar (shards of schema 1.4 and before), so it "
            "cannot be written again; note the samples in removals.parquet, which the trainer passes over"
        )
    return from_stored(table, schema)


def _thin_tar(
    folder: Folder, name: str, staged: Folder, target: str, left: pa.Table
) -> tuple[FileRecord, pa.Array, dict[str, Any]]:
    """Write the tar of the samples of `left`, the bytes of each member as they were; return where they are now."""
    offsets, members = SampleOffsets(), []
    with folder.open(name) as source, staged.writing(target) as sink, open_tar(sink) as tar:
        for key, before in _samples(left):
            begin, now = position_of(tar), []
            for member in before:
                source.seek(member["offset"])
                data = source.read(member["bytes"])
                now.append((member["suffix"], add_member(tar, key, member["suffix"], data), len(data)))
            if before:
                offsets.add(begin, before[0]["bytes"], position_of(tar))
            members.append([{"suffix": suffix, "offset": at, "bytes": size} for suffix, at, size in now])
    return FileRecord(target, offsets.samples, sink.bytes, sink.sha256), pa.array(members, MEMBERS), offsets.noted()


def _samples(table: pa.Table) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for first in range(0, len(table), ROWS_AT_ONCE):
        part = table.slice(first, ROWS_AT_ONCE)
        yield from zip(values_of(part["key"]), part["members"].to_pylist(), strict=True)
