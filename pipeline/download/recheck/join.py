"""The end of a recheck: tables of the work folder in; ``rechecks/NNNNN.parquet``, ``NNNNN.json``, tombstones out.

With ``NNNNN.json`` it is done. Tombstones come after it, from the table, and naming them twice is as good as once: a
recheck that is killed before them has not changed what it would ask for.
"""

import datetime
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.download.recheck.ask import ASKED
from pipeline.download.recheck.counts import RecheckCounts
from pipeline.download.recheck.plan import Draw, RecheckPlan
from schemas.buffers import ID, hex_of_ids, one_chunk, sortable_ids
from schemas.recheck import OPTED_OUT, RECHECKS, RECHECKS_DIR
from schemas.removals import REMOVALS, REMOVALS_NAME, opted_out_images
from schemas.shards_folder import STATS_SUFFIX, TABLE_SUFFIX, shard_name
from schemas.storage import Folder
from schemas.stored_ids import from_stored
from schemas.tables import read_table, write_tables
from schemas.units import read_unit


def opted_out_before(folder: Folder) -> pa.Array:
    """Return the image_ids that earlier rechecks found opted out, each once, sorted."""
    ids = opted_out_images(folder)
    words = sortable_ids(ids)
    order = np.lexsort((words[:, 1], words[:, 0]))
    return pc.unique(ids.take(pa.array(order)))


def join_recheck(
    folder: Folder, work: Folder, plans: Sequence[RecheckPlan], before: pa.Array, draw: Draw, number: int,
    said: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Join what was asked to `folder` as recheck `number`; return its ``NNNNN.json``: `said` and counts.

    `before` are images that an earlier recheck found opted out, those of the `draw` are told of again.
    """
    counts = RecheckCounts()
    bytes_read = known = 0

    def tables() -> Iterator[pa.Table]:
        nonlocal bytes_read, known
        for plan in plans:
            unit = read_unit(work, f"{plan.name}{STATS_SUFFIX}")
            if unit is None:
                raise FileNotFoundError(f"{work.url}: plan {plan.number} is not finished; run the command again")
            bytes_read += unit.body.count("body_bytes")
            table = from_stored(read_table(work, f"{plan.name}{TABLE_SUFFIX}", record=unit.files[0]), ASKED)
            counts.add(table)
            yield table.select(RECHECKS.names)
        told_again = _removed_rows(before.filter(pa.array(draw.takes(before))))
        counts.add(told_again)
        known = len(told_again)
        yield told_again.select(RECHECKS.names)

    write_tables(folder, f"{RECHECKS_DIR}/{shard_name(number)}{TABLE_SUFFIX}", tables(), RECHECKS)
    body = {**said, **counts.told(), "body_bytes": bytes_read, "opted_out_new": counts.statuses[OPTED_OUT] - known}
    folder.write_json(f"{RECHECKS_DIR}/{shard_name(number)}.json", body)
    return body


def _removed_rows(image_ids: pa.Array) -> pa.Table:
    rows = len(image_ids)
    given = {
        "key": hex_of_ids(image_ids),
        "image_id": image_ids,
        "status": pa.array([OPTED_OUT] * rows, pa.string()),
        "reason": pa.array(["removed"] * rows, pa.string()),
        "signals": pa.array([[]] * rows, ASKED.field("signals").type),
    }
    arrays = [given.get(field.name, pa.nulls(rows, field.type)) for field in ASKED]
    return pa.Table.from_arrays(arrays, schema=ASKED)


def _opted_out(folder: Folder, number: int) -> pa.Array:
    """Return the image_ids that recheck `number` found opted out, a row group at a time."""
    found = [pa.array([], ID)]
    name = f"{RECHECKS_DIR}/{shard_name(number)}{TABLE_SUFFIX}"
    with folder.open(name) as raw, pq.ParquetFile(raw) as file:
        for batch in file.iter_batches(columns=["image_id", "status"]):
            ids = batch.filter(pc.equal(batch["status"], OPTED_OUT))["image_id"]
            found.append(ids.cast(ID))
    return pa.concat_arrays(found)


def note_opted_out(folder: Folder, number: int, day: datetime.date) -> None:
    """Add tombstones of what recheck `number` found opted out to ``removals.parquet``.

    Every row there stays, no image is named twice.
    """
    image_ids = _opted_out(folder, number)
    stored = [read_table(folder, REMOVALS_NAME, REMOVALS)] if folder.exists(REMOVALS_NAME) else []
    for table in stored:
        known = one_chunk(table["image_id"].drop_null())
        image_ids = image_ids.filter(pc.invert(pc.is_in(image_ids, value_set=known)))
    if not len(image_ids):
        return
    rows = len(image_ids)
    given = {
        "image_id": image_ids,
        "reason": pa.array([OPTED_OUT] * rows, pa.string()),
        "since": pa.repeat(pa.scalar(day, pa.date32()), rows),
    }
    arrays = [given.get(field.name, pa.nulls(rows, field.type)) for field in REMOVALS]
    write_tables(folder, REMOVALS_NAME, [*stored, pa.Table.from_arrays(arrays, schema=REMOVALS)], REMOVALS)
