"""Candidates read a row group at a time are those of the file, in its order; a strange file is named."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.balance.row_groups import read_row_groups
from schemas.candidate import candidate_schema
from schemas.stored_ids import stored_schema, to_stored

SCHEMA = candidate_schema()


def table(rows: int) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"pair_id": bytes([n]) * 16, "image_id": bytes([n]) * 16, "url": "u", "caption": f"c{n}",
             "text_source": "alt", "source_file": "f", "source_row": n, "query_ids": [n]}
            for n in range(rows)
        ],
        schema=SCHEMA,
    )  # fmt: skip


def parquet(rows: int, per_group: int) -> bytes:
    sink = io.BytesIO()
    stored = to_stored(table(rows))
    assert stored.schema.equals(stored_schema(SCHEMA))
    pq.write_table(stored, sink, row_group_size=per_group)
    return sink.getvalue()


@pytest.mark.parametrize("per_group", [1, 3, 100])
def test_the_groups_together_are_the_table(per_group: int) -> None:
    found = list(read_row_groups(parquet(7, per_group), "a.parquet", SCHEMA, None))
    assert max(len(group) for group in found) <= per_group
    assert pa.concat_tables(found).equals(table(7))


def test_columns_come_as_they_are_asked_for() -> None:
    (found,) = read_row_groups(parquet(2, 9), "a.parquet", SCHEMA, ["query_ids", "pair_id"])
    assert found.equals(table(2).select(["query_ids", "pair_id"]))


@pytest.mark.parametrize("data", [b"", b"no parquet", parquet(3, 9)[:-9]], ids=["empty", "noise", "cut"])
def test_what_is_no_parquet_is_named(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"a\.parquet: expected a Parquet file"):
        list(read_row_groups(data, "a.parquet", SCHEMA, None))


def test_a_damaged_page_is_named() -> None:
    data = bytearray(parquet(3, 9))
    data[4:60] = bytes(56)
    with pytest.raises(ValueError, match=r"a\.parquet"):
        list(read_row_groups(bytes(data), "a.parquet", SCHEMA, ["pair_id"]))


def test_other_columns_are_named() -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"pair_id": [1]}), sink)
    with pytest.raises(ValueError, match=r"a\.parquet.*'pair_id'"):
        list(read_row_groups(sink.getvalue(), "a.parquet", SCHEMA, ["pair_id"]))
