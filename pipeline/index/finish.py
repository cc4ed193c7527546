"""The end of an index: the rows of all tars in; one Parquet file out, beside the tars or in a folder of its own."""

import functools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.index.steps import REFUSED, UNITS, made_unit, unit_name
from schemas.manifest import write_manifest
from schemas.shard_index import ROWS_A_GROUP, check_fits, row_from_json
from schemas.storage import Folder
from schemas.stored_index import ShardIndex, read_index, write_index
from schemas.tar_index import TarToIndex
from schemas.tar_listing import INDEX_KIND
from schemas.units import Unit

READ_AT_ONCE = 32
"""Rows that are fetched at a time: an object store answers each in tens of milliseconds."""


def finish_index(work: Folder, place: Folder, name: str, tars: Sequence[TarToIndex], identity: str) -> ShardIndex:
    """Write the index of `tars` as file `name` of `place` and return it; the work is deleted.

    A folder of its own (`place` is `work`) gets a manifest. Raises FileNotFoundError when a tar is not done, ValueError
    that names one which cannot be indexed.
    """
    check_refused(work, tars)
    record = write_index(place, name, _groups(work, tars))
    index = read_index(place, name, record)
    check_fits(index.rows, [(tar.name, tar.bytes) for tar in tars], index.where)
    if place.url != work.url:
        work.delete("")
        return index
    work.delete(UNITS)
    place.delete_temporaries()
    summary = {name: int(pc.sum(index.rows[name]).as_py() or 0) for name in ("samples", "tar_bytes")}
    write_manifest(place, INDEX_KIND, [record], rows=len(tars), identity=identity, summary=summary)
    return index


def made_units(work: Folder, tars: Sequence[TarToIndex]) -> Iterator[Unit | None]:
    """Yield the commit of each tar, None where there is none."""
    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        for first in range(0, len(tars), ROWS_A_GROUP):
            yield from pool.map(functools.partial(made_unit, work), tars[first : first + ROWS_A_GROUP])


def _groups(work: Folder, tars: Sequence[TarToIndex]) -> Iterator[pa.Table]:
    rows: list[pa.Table] = []
    for tar, unit in zip(tars, made_units(work, tars), strict=True):
        if unit is None:
            raise FileNotFoundError(f"{work.path(unit_name(tar.name))}: not finished; run the command again")
        rows.append(row_from_json(unit.body, unit.body.where))
        if len(rows) == ROWS_A_GROUP:
            yield pa.concat_tables(rows).combine_chunks()
            rows = []
    if rows:
        yield pa.concat_tables(rows).combine_chunks()


def check_refused(work: Folder, tars: Sequence[TarToIndex]) -> None:
    """Raise ValueError that names the first tar which cannot be indexed, and says how many there are."""
    refused = [str(unit.body[REFUSED]) for unit in made_units(work, tars) if unit is not None and REFUSED in unit.body]
    if refused:
        more = f"; and {len(refused) - 1:,} more of {len(tars):,} tars" if len(refused) > 1 else ""
        raise ValueError(f"{refused[0]}{more}; mend or remove it and run the command again to go on")
