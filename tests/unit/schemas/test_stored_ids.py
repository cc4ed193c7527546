"""Ids go to files as plain binary and come back of fixed size, from files of every minor version."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.buffers import ID
from schemas.sample import SHARD_TABLE
from schemas.storage import Folder
from schemas.stored_ids import from_stored, stored_schema, to_stored
from schemas.tables import read_table, write_table

SCHEMA = pa.schema(
    [
        pa.field("image_id", ID, nullable=False),
        pa.field("pair_ids", pa.list_(ID), nullable=False),
        pa.field("caption", pa.string()),
    ],
    {b"plan": b"7"},
)
IDS = st.binary(min_size=16, max_size=16)
ROWS = st.lists(st.tuples(IDS, st.lists(IDS, max_size=3), st.none() | st.text(max_size=5)), max_size=20)


def table(rows: list) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


@given(ROWS, st.integers(0, 20), st.integers(0, 20))
def test_ids_come_back_as_they_were_however_the_table_is_cut(rows: list, start: int, length: int) -> None:
    part = table(rows).slice(start, length)
    stored = to_stored(pa.concat_tables([part, part.slice(0, 0), table(rows)]))
    assert stored.schema.types == [pa.binary(), pa.list_(pa.binary()), pa.string()]
    assert stored.schema.metadata == SCHEMA.metadata
    assert stored.select(["image_id"]).to_pylist() == [{"image_id": row[0]} for row in [*rows[start:][:length], *rows]]
    again = from_stored(stored, SCHEMA)
    assert again.equals(pa.concat_tables([part, table(rows)]))
    assert again.slice(1, 3).equals(from_stored(stored.slice(1, 3), SCHEMA))
    assert again.schema.equals(SCHEMA, check_metadata=True)


def test_a_file_of_an_older_minor_version_has_ids_of_fixed_size(tmp_path: Path) -> None:
    rows = table([(b"a" * 16, [b"b" * 16], "x"), (b"c" * 16, [], None)])
    pq.write_table(rows, tmp_path / "old.parquet")
    write_table(Folder(str(tmp_path)), "new.parquet", rows, SCHEMA)
    assert pq.read_schema(tmp_path / "new.parquet").field("image_id").type == pa.binary()
    for name in ("old.parquet", "new.parquet"):
        assert read_table(Folder(str(tmp_path)), name, SCHEMA).equals(rows)
        assert read_table(Folder(str(tmp_path)), name, SCHEMA, columns=["pair_ids"]).equals(rows.select(["pair_ids"]))


@pytest.mark.parametrize("column", ["image_id", "pair_ids"])
def test_an_id_of_another_length_names_file_and_column(tmp_path: Path, column: str) -> None:
    short = {"image_id": [b"a" * 16, b"b" * 16], "pair_ids": [[b"a" * 16], []]}
    short[column] = [b"a" * 16, b"b" * 15] if column == "image_id" else [[b"a" * 16], [b"b" * 17]]
    stored = pa.table({**short, "caption": ["x", "y"]}).cast(stored_schema(SCHEMA))
    pq.write_table(stored, tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=f"a.parquet: column '{column}': expected ids of 16 bytes"):
        read_table(Folder(str(tmp_path)), "a.parquet", SCHEMA)


def test_no_file_of_ours_holds_an_id_of_fixed_size() -> None:
    assert "fixed_size_binary" not in str(stored_schema(SHARD_TABLE))
