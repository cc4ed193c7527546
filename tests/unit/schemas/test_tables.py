"""Streams give back what was written; the bytes of values do not depend on how a table is cut."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.candidate import candidate_schema
from schemas.rejection import REJECTIONS
from schemas.storage import Folder
from schemas.tables import check_schema, content_bytes, read_stream, read_table, write_stream, write_table

SCHEMA = candidate_schema(pa.struct([("score", pa.float32()), ("tags", pa.list_(pa.string())), ("ok", pa.bool_())]))


def table(rows: int) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"pair_id": bytes([n]) * 16, "image_id": bytes([n]) * 16, "url": f"http://a/{n}", "caption": "é" * n,
             "text_source": "alt", "source_file": "f", "source_row": n, "query_ids": list(range(n)),
             "extra": {"score": 0.5, "tags": ["x", None], "ok": None if n % 2 else True}}
            for n in range(rows)
        ],
        schema=SCHEMA,
    )  # fmt: skip


@given(st.integers(0, 30), st.integers(1, 7))
def test_content_bytes_do_not_depend_on_the_cut(rows: int, size: int) -> None:
    whole = table(rows)
    parts = [whole.slice(begin, size) for begin in range(0, rows, size)]
    assert sum(content_bytes(part) for part in parts) == content_bytes(whole)
    assert content_bytes(pa.concat_tables([whole.slice(0, 0), *parts])) == content_bytes(whole)
    assert content_bytes(whole.select(["caption"])) == sum(2 * n for n in range(rows))
    assert content_bytes(whole.select(["pair_id", "query_ids"])) == 16 * rows + sum(4 * n for n in range(rows))


def test_a_stream_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    record = write_stream(folder, "a.arrow", [table(5), table(3).slice(1)], SCHEMA)
    assert record.rows == 7
    assert record.bytes == (tmp_path / "a.arrow").stat().st_size
    found = list(read_stream(folder, "a.arrow"))
    assert [len(part) for part in found] == [5, 2]
    assert pa.concat_tables(found).equals(pa.concat_tables([table(5), table(3).slice(1)]))
    (tmp_path / "b.arrow").write_bytes(b"no stream at all")
    with pytest.raises(ValueError, match=r"b\.arrow: expected an Arrow stream"):
        list(read_stream(folder, "b.arrow"))


def test_ids_are_packed_neither_by_dictionary_nor_by_codec(tmp_path: Path) -> None:
    write_table(Folder(str(tmp_path)), "a.parquet", table(20), SCHEMA)
    group = pq.ParquetFile(tmp_path / "a.parquet").metadata.row_group(0)
    packed = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert packed["pair_id"].compression == "UNCOMPRESSED"
    assert not packed["pair_id"].has_dictionary_page
    assert packed["caption"].compression == "ZSTD"
    assert packed["extra.tags.list.element"].compression == "ZSTD"
    assert packed["caption"].has_dictionary_page
    assert read_table(Folder(str(tmp_path)), "a.parquet", SCHEMA).equals(table(20))


def test_a_table_without_rows_has_no_row_group(tmp_path: Path) -> None:
    """`datasets` takes the first row group's rows for the size of its batches, and fails on 0."""
    folder = Folder(str(tmp_path))
    assert write_table(folder, "a.parquet", table(0), SCHEMA).rows == 0
    assert pq.read_metadata(tmp_path / "a.parquet").num_row_groups == 0
    assert read_table(folder, "a.parquet", SCHEMA).equals(table(0))


def test_wrong_columns_name_file_column_and_type(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    (tmp_path / "x.parquet").write_bytes(b"no parquet")
    with pytest.raises(ValueError, match=r"x\.parquet: expected a Parquet file"):
        read_table(folder, "x.parquet")
    wrong = pa.table({"stage": ["collect"]})
    with pytest.raises(ValueError, match=r"somewhere: no column 'reason'|somewhere: column 'reason'"):
        check_schema(wrong, REJECTIONS, "somewhere")
