"""What is to be written, decided once: all tables of the inputs in; the order, in files of a work folder, out.

OUTPUT/reshard.work/samples.i8  failures.i8     ordinals of rows, 8 bytes each, in the order of the output
                    tables.parquet              the source tables: row i of the inputs is in the table where ...
                    further.parquet             further captions by the place of their sample, sorted by it
                    further_left.parquet        those whose image is no sample of the output
                    plan.json                   counts; written last
"""

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.reshard.inputs import SourceFolder, SourceTable, check_columns
from pipeline.reshard.order import FAILED, REMOVED, SAMPLE, Order, UInt64s, order_rows, positions_of
from schemas.buffers import one_chunk, sortable_ids, string_buffers
from schemas.identity import ranks, seed_key
from schemas.kernels.key_hashes import hash_keys
from schemas.removals import REMOVALS, REMOVALS_NAME, Removals, digests_of, hashed_removals
from schemas.sample import EXTRA, SHARD_TABLE, STATUS_SUCCESS, further_captions_schema
from schemas.storage import FileRecord, Folder
from schemas.stored_ids import from_stored
from schemas.tables import parse_table, read_table, write_table
from schemas.units import Unit, commit_unit, read_unit

WORK_DIR = "reshard.work"
PLAN_FILE, SAMPLES_FILE, FAILURES_FILE = "plan.json", "samples.i8", "failures.i8"
TABLES_FILE, FURTHER_FILE, LEFT_FILE = "tables.parquet", "further.parquet", "further_left.parquet"

PLACE = "place"
"""Column of ``further.parquet``: the place of the sample in the output."""

TABLES_AT_ONCE = 4


class FoundRows(NamedTuple):
    """What the order needs of a source table."""

    ids: UInt64s
    kinds: npt.NDArray[np.uint8]
    ranks: UInt64s | None
    schema: pa.Schema
    """As it is in the file."""


@dataclass(frozen=True)
class ReshardPlan:
    """The element of the Beam job: a shard, or a table of failures, or the captions that are left (`kind`)."""

    number: int
    kind: str
    first: int
    end: int
    """Places: from the first to before the end."""


def make_plan(work: Folder, sources: Sequence[SourceFolder], shuffle_seed: int | None) -> Unit:
    """Decide the order and write it into `work`, unless it is there; return its commit.

    Memory: about 50 bytes a row, and all further captions. Raises ValueError that names the table which is not as it
    was written, or has other columns than the first.
    """
    unit = read_unit(work, PLAN_FILE)
    if unit is not None:
        return unit
    removals = merged_removals(sources)
    removed = hashed_removals(removals, REMOVALS_NAME) if len(removals) else None
    tables = [table for source in sources for table in source.tables]
    key = None if shuffle_seed is None else seed_key(shuffle_seed)
    with ThreadPoolExecutor(TABLES_AT_ONCE) as pool:
        found = list(pool.map(functools.partial(_rows_of, removed=removed, key=key), tables))
    for table, rows in zip(tables, found, strict=True):
        check_columns(found[0].schema, rows.schema, f"{table.folder}/{table.table.name}")
    ids = np.concatenate([np.zeros((0, 2), dtype=np.uint64), *(rows.ids for rows in found)])
    kinds = np.concatenate([np.zeros(0, dtype=np.uint8), *(rows.kinds for rows in found)])
    ranked = None if key is None else np.concatenate([rows.ranks for rows in found if rows.ranks is not None])
    order = order_rows(ids, kinds, ranked)
    files = [
        work.write(SAMPLES_FILE, order.samples.astype("<i8").tobytes(), len(order.samples)),
        work.write(FAILURES_FILE, order.failures.astype("<i8").tobytes(), len(order.failures)),
        _write_tables(work, tables),
        *_write_further(work, sources, order, ids, kinds, found[0].schema if found else SHARD_TABLE),
    ]
    counts = {
        "samples_in": int((kinds == SAMPLE).sum() + (kinds == REMOVED).sum()),
        "samples": len(order.samples),
        "removed": int((kinds[order.failures] == REMOVED).sum()),
        "failures": len(order.failures),
        "repeated_samples": order.repeated_samples,
        "repeated_failures": order.repeated_failures,
        "further": files[-2].rows,
        "further_left": files[-1].rows,
    }
    return commit_unit(work, PLAN_FILE, files, counts)


def plans_of(unit: Unit, samples_per_shard: int) -> list[ReshardPlan]:
    """Return what is to be written: shards, then tables of as many failures, then the captions that are left."""
    plans: list[ReshardPlan] = []
    for kind in ("samples", "failures"):
        num = unit.body.count(kind)
        for first in range(0, num, samples_per_shard):
            plans.append(ReshardPlan(len(plans), kind, first, min(first + samples_per_shard, num)))
    if unit.body.count("further_left"):
        plans.append(ReshardPlan(len(plans), "further", 0, 0))
    return plans


def merged_removals(sources: Sequence[SourceFolder]) -> pa.Table:
    """Return what the removals of all inputs name, each row once."""
    tables = [
        read_table(source.folder, REMOVALS_NAME, REMOVALS) for source in sources if source.folder.exists(REMOVALS_NAME)
    ]
    rows = list(dict.fromkeys(tuple(row.values()) for table in tables for row in table.to_pylist()))
    return pa.Table.from_pylist([dict(zip(REMOVALS.names, row, strict=True)) for row in rows], schema=REMOVALS)


def _rows_of(source: SourceTable, removed: Removals | None, key: bytes | None) -> FoundRows:
    folder = Folder(source.folder)
    whole = read_table(folder, source.table.name, record=source.table)
    where = folder.path(source.table.name)
    table = from_stored(whole.select(["key", "image_id", "status", "sha256"]), SHARD_TABLE)
    came = pc.equal(table["status"], STATUS_SUCCESS).to_numpy(zero_copy_only=False)
    if int(came.sum()) != (source.tar.rows if source.tar is not None else 0):
        raise ValueError(f"{where}: its samples are not as many as its tar's; the folder is damaged, make it again")
    kinds = np.where(came, SAMPLE, FAILED).astype(np.uint8)
    if removed:
        gone = removed.of_keys(hash_keys(*string_buffers(one_chunk(table["key"]))))
        digests = table["sha256"]
        has = digests.is_valid().to_numpy(zero_copy_only=False)
        gone[has] |= removed.of_digests(digests_of(one_chunk(digests.drop_null()), where))
        kinds[came & gone] = REMOVED
    ids = sortable_ids(table["image_id"])
    return FoundRows(ids, kinds, None if key is None else ranks(table["image_id"], key), whole.schema)


def _write_tables(work: Folder, tables: Sequence[SourceTable]) -> FileRecord:
    rows = [asdict(table) for table in tables]
    record = pa.struct([("name", pa.string()), ("rows", pa.int64()), ("bytes", pa.int64()), ("sha256", pa.string())])
    schema = pa.schema([("folder", pa.string()), ("table", record), ("tar", record), ("rejections", record)])
    return write_table(work, TABLES_FILE, pa.Table.from_pylist(rows, schema=schema), schema)


def read_source_tables(work: Folder) -> list[SourceTable]:
    """Return the source tables, in the order of their rows' ordinals."""
    found = []
    for row in read_table(work, TABLES_FILE).to_pylist():
        records = [FileRecord(**row[name]) if row[name] else None for name in ("table", "tar", "rejections")]
        assert records[0] is not None
        found.append(SourceTable(row["folder"], records[0], records[1], records[2]))
    return found


def _write_further(
    work: Folder, sources: Sequence[SourceFolder], order: Order, ids: UInt64s, kinds: npt.NDArray[np.uint8],
    stored: pa.Schema,
) -> list[FileRecord]:  # fmt: skip
    """Write the further captions by the place of their sample, and those that have none."""
    schema = further_schema(stored)
    tables = [schema.empty_table()]
    for source in sources:
        for record in source.further:
            data = source.folder.read_recorded(record)
            table = from_stored(parse_table(data, source.folder.path(record.name)), schema)
            tables.append(table.select(schema.names).cast(schema))
    whole = pa.concat_tables(tables).combine_chunks()
    places = positions_of(order, ids, kinds, sortable_ids(whole["image_id"]))
    rows = np.flatnonzero(places >= 0)
    rows = rows[np.argsort(places[rows], kind="stable")]
    placed = whole.take(pa.array(rows)).append_column(PLACE, pa.array(places[rows]))
    left = whole.filter(pa.array(places < 0))
    return [
        write_table(work, FURTHER_FILE, placed, placed.schema),
        write_table(work, LEFT_FILE, left, schema),
    ]


def further_schema(stored: pa.Schema) -> pa.Schema:
    """Return the schema of further captions beside tables of a schema."""
    extra = stored.field(EXTRA).type.value_type if EXTRA in stored.names else pa.struct([])
    return further_captions_schema(extra)


def read_further(work: Folder, name: str, plan: ReshardPlan, schema: pa.Schema) -> pa.Table:
    """Return the further captions of the samples of a plan; of those that are left all."""
    place = pc.field(PLACE)
    of_plan = (place >= plan.first) & (place < plan.end) if name == FURTHER_FILE else None
    with work.open(name) as raw:
        table = pq.read_table(raw, filters=of_plan)
    return from_stored(table, schema)


def read_ordinals(work: Folder, plan: ReshardPlan) -> npt.NDArray[np.int64]:
    """Return the rows of a plan, of the file of its kind."""
    name = SAMPLES_FILE if plan.kind == "samples" else FAILURES_FILE
    data = work.fs.cat_file(work.path(name), start=8 * plan.first, end=8 * plan.end)
    return np.frombuffer(data, dtype="<i8").astype(np.int64)
