"""A plan written and committed: a tar with its table, a table of failures, or the captions that are left."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.download.again.table_counts import num_captions, table_counts
from pipeline.download.shard.index import NOTED, SampleOffsets
from pipeline.download.shard.tar import add_member, open_tar, position_of
from pipeline.download.shard.write import FORMAT
from pipeline.reshard.fold import PARALLEL, fold, folded_json
from pipeline.reshard.members import SampleReader
from pipeline.reshard.plan import (
    FURTHER_FILE,
    LEFT_FILE,
    PLACE,
    ReshardPlan,
    further_schema,
    read_further,
    read_ordinals,
)
from pipeline.reshard.rows import SourceRows
from schemas.arrow_types import values_of
from schemas.rejection import REJECTIONS
from schemas.sample import MEMBERS
from schemas.shards_folder import (
    FURTHER_CAPTIONS_DIR,
    REJECTIONS_DIR,
    STATS_SUFFIX,
    TABLE_SUFFIX,
    TAR_SUFFIX,
    shard_name,
    without_images_name,
)
from schemas.storage import FileRecord, Folder
from schemas.tables import write_table
from schemas.units import Unit, commit_unit

ROWS_AT_ONCE = 256
FOLDED = "folded_captions"
"""Key of the stats: further captions that are in the samples now."""


def write_plan(output: Folder, work: Folder, rows: SourceRows, plan: ReshardPlan, sums: dict[str, Any]) -> Unit:
    """Write the files of a plan and commit them. `sums` are put into the stats of plan 0 (`job.sums_of`)."""
    body: dict[str, Any] = {
        "plan": plan.number,
        "body_bytes": 0,
        "policy": {},
        "colour_profiles": {},
        FORMAT: "webdataset",
    }
    body |= sums if plan.number == 0 else {}
    files: list[FileRecord] = []
    further, folded = 0, 0
    stem = shard_name(plan.number) if plan.kind == "samples" else without_images_name(plan.number)
    if plan.kind == "samples":
        table, of_table, _ = rows.take(read_ordinals(work, plan))
        captions = read_further(work, FURTHER_FILE, plan, further_schema(table.schema))
        places = (captions[PLACE].to_numpy() - plan.first).tolist()
        table, changed, folded = fold(table, list(zip(places, captions.drop_columns([PLACE]).to_pylist(), strict=True)))
        record, members, body[NOTED] = _write_tar(output, f"{stem}{TAR_SUFFIX}", rows, table, of_table, changed)
        files.append(record)
        table = table.set_column(table.schema.get_field_index("members"), table.schema.field("members"), members)
    elif plan.kind == "failures":
        table, rejected = rows.failures(read_ordinals(work, plan))
        files.append(
            write_table(output, f"{REJECTIONS_DIR}/{shard_name(plan.number)}{TABLE_SUFFIX}", rejected, REJECTIONS)
        )
    else:
        table = rows.first_schema().empty_table()
        captions = read_further(work, LEFT_FILE, plan, further_schema(table.schema))
        further = num_captions(captions)
        name = f"{FURTHER_CAPTIONS_DIR}/{shard_name(plan.number)}{TABLE_SUFFIX}"
        files.append(write_table(output, name, captions, captions.schema))
    files.append(write_table(output, f"{stem}{TABLE_SUFFIX}", table, table.schema))
    body |= table_counts(table) | {"further_captions": further, FOLDED: folded}
    return commit_unit(output, f"{stem}{STATS_SUFFIX}", files, body)


def _write_tar(
    output: Folder, name: str, rows: SourceRows, table: pa.Table, of_table: np.ndarray[Any, Any], changed: set[int]
) -> tuple[FileRecord, pa.Array, dict[str, Any]]:
    """Write the samples of `table`; return record, members by row, and what the stats keep of where they begin."""
    offsets, members = SampleOffsets(), []
    with SampleReader() as reader, output.writing(name) as sink, open_tar(sink) as tar:
        for row, (key, before) in enumerate(_samples(table)):
            source = rows.tables[of_table[row]]
            found = reader.read(source, key, before)
            if row in changed and ".json" in found:
                lists = table.select(PARALLEL).slice(row, 1).to_pylist()[0]
                found[".json"] = folded_json(found[".json"], lists, f"{source.folder}: sample {key}")
            begin = position_of(tar)
            now = [(suffix, add_member(tar, key, suffix, data), len(data)) for suffix, data in found.items()]
            offsets.add(begin, now[0][2], position_of(tar))
            members.append([{"suffix": suffix, "offset": at, "bytes": size} for suffix, at, size in now])
    noted = offsets.noted()
    return FileRecord(name, offsets.samples, sink.bytes, sink.sha256), pa.array(members, MEMBERS), noted


def _samples(table: pa.Table) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for first in range(0, len(table), ROWS_AT_ONCE):
        part = table.slice(first, ROWS_AT_ONCE)
        yield from zip(values_of(part["key"]), part["members"].to_pylist(), strict=True)
