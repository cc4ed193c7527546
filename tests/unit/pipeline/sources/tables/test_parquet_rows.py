"""Parquet: row groups are splits, texts come as they are stored, a cut file is told."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.sources import opened, read


def test_parquet_row_groups_are_splits_with_their_row_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.tables.table_plan.SPLIT_BYTES", 1)
    rows = [{"url": f"http://a/{n}", "caption": f"c{n}"} for n in range(10)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet", row_group_size=3)
    source, _ = opened(str(tmp_path / "t.parquet"), "url_table")
    assert [split.first_row for split in source.splits()] == [0, 3, 6, 9]
    assert [row["source_row"] for row in read(source)[0]] == list(range(10))


def test_a_truncated_file_is_broken_and_the_others_are_read(tmp_path: Path) -> None:
    pq.write_table(pa.table({"url": ["http://a/0"], "caption": ["x"]}), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "b.parquet").write_bytes(whole[: len(whole) // 2])
    rows, broken = read(opened(f"{tmp_path}/*.parquet", "url_table")[0])
    assert len(rows) == 1
    assert [item.reason for item in broken] == ["file_unreadable"]


def test_binary_captions_are_told_apart_row_by_row(tmp_path: Path) -> None:
    table = pa.table({"url": ["http://a/0", "http://a/1"], "caption": pa.array([b"ok", b"\xff"], pa.large_binary())})
    pq.write_table(table, tmp_path / "t.parquet")
    source, _ = opened(str(tmp_path / "t.parquet"), "url_table")
    (raw,) = source.read(source.splits()[0])
    assert isinstance(raw, pa.Table)
    assert [value.as_buffer().to_pybytes() for value in raw["caption"]] == [b"ok", b"\xff"]
