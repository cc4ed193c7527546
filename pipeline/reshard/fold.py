"""Further captions into the samples they belong to: rows of a table, and their ``.json``. Pure."""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from schemas.sample import EXTRA

PARALLEL = ("captions", "pair_ids", "query_ids")
"""Lists of a row, an entry a caption."""


def fold(table: pa.Table, further: Sequence[tuple[int, dict[str, Any]]]) -> tuple[pa.Table, set[int], int]:
    """Return `table` with the captions of `further` behind those of their rows, which rows these are, and how many.

    `further` are (row of the table, row of a table of further captions), few beside the rows; a pair that is there
    already is passed over. ``caption``, and with it the ``.txt``, stays the first.
    """
    if not further:
        return table, set(), 0
    names = [name for name in (*PARALLEL, EXTRA) if name in table.schema.names]
    rows = sorted({row for row, _ in further})
    lists = dict(zip(rows, table.select(names).take(rows).to_pylist(), strict=True))
    folded, captions = set(), 0
    for row, found in further:
        known = set(lists[row]["pair_ids"])
        for place, pair_id in enumerate(found["pair_ids"]):
            if pair_id in known:
                continue
            known.add(pair_id)
            for name in names:
                lists[row][name].append(found[name][place])
            folded.add(row)
            captions += 1
    for name in names if folded else ():
        field = table.schema.field(name)
        table = table.set_column(table.schema.get_field_index(name), field, _replaced(table[name], lists, name, field))
    return table, folded, captions


def _replaced(column: pa.ChunkedArray, lists: dict[int, dict[str, Any]], name: str, field: pa.Field) -> pa.ChunkedArray:
    """Return `column` with the lists of some rows replaced; what lies between them is no Python object."""
    chunks, done = [], 0
    for row in sorted(lists):
        chunks += column.slice(done, row - done).chunks
        chunks.append(pa.array([lists[row][name]], field.type))
        done = row + 1
    return pa.chunked_array([*chunks, *column.slice(done).chunks], field.type)


def folded_json(data: bytes, row: dict[str, Any], where: str) -> bytes:
    """Return the ``.json`` of a sample with the captions of its `row`, in the form of `sample_json`.

    Raises ValueError that names `where` when it is no JSON object.
    """
    try:
        fields = json.loads(data)
        if not isinstance(fields, dict):
            raise ValueError(f"expected an object, found {type(fields).__name__}")
    except ValueError as error:
        raise ValueError(f"{where}: its .json cannot be read, {error}; restore the tar") from None
    fields["captions"] = row["captions"]
    fields["pair_ids"] = [pair_id.hex() for pair_id in row["pair_ids"]]
    fields["query_ids"] = row["query_ids"]
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()
