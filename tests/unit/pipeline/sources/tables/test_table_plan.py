"""What is to be read of tables: parts, their columns, the types of those carried through."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.sources.config import SourceOptions
from pipeline.sources.source import InputFile
from pipeline.sources.tables import table_plan as module
from pipeline.sources.tables.table_plan import TABLE_SUFFIXES, TablePlan, kind_of, plan_tables


def plan(folder: Path, **options: Any) -> TablePlan:
    files = [InputFile(str(path), path.name, path.stat().st_size) for path in sorted(folder.iterdir())]
    return plan_tables(files, SourceOptions(input=str(folder), **options))


def write(path: Path, rows: int, kind: str = "float") -> None:
    scores = pa.nulls(rows, pa.type_for_alias(kind))
    table = pa.table({"url": ["u"] * rows, "caption": ["c"] * rows, "score": scores})
    pq.write_table(table, path, row_group_size=2)


@pytest.mark.parametrize("suffix", TABLE_SUFFIXES)
def test_every_suffix_has_a_kind(suffix: str) -> None:
    assert suffix.startswith(kind_of(f"/d/A{suffix.upper()}"))


@pytest.mark.parametrize("name", ["a.xlsx", "a.csv.rar", "csv", "a.parquet.gz.md"])
def test_another_name_lists_the_kinds(name: str) -> None:
    with pytest.raises(ValueError, match=r"a url_table is named \.parquet, \.csv"):
        kind_of(name)


def test_parts_are_numbered_over_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPLIT_BYTES", 1)
    for name in ("a", "b"):
        write(tmp_path / f"{name}.parquet", 5)
    found = plan(tmp_path).splits
    assert [(split.index, split.name, split.begin, split.end, split.first_row) for split in found] == [
        (0, "a.parquet", 0, 1, 0), (1, "a.parquet", 1, 2, 2), (2, "a.parquet", 2, 3, 4),
        (3, "b.parquet", 0, 1, 0), (4, "b.parquet", 1, 2, 2), (5, "b.parquet", 2, 3, 4),
    ]  # fmt: skip


def test_a_carried_column_has_the_type_that_holds_all_files(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", 1, "float")
    write(tmp_path / "b.parquet", 1, "int16")
    assert plan(tmp_path, extra_columns=("score",)).extra == {"score": pa.float64()}
    (tmp_path / "c.jsonl").write_text('{"url": "u", "caption": "c"}\n')
    assert plan(tmp_path, extra_columns=("score",)).extra == {"score": None}


def test_a_damaged_file_is_one_part_without_columns(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", 1)
    (tmp_path / "b.parquet").write_bytes(b"")
    (tmp_path / "c.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-7])
    assert [split.columns for split in plan(tmp_path).splits] == [("url", "caption"), ("", ""), ("", "")]
    (tmp_path / "a.parquet").unlink()
    with pytest.raises(ValueError, match="none of the 2 input files can be read"):
        plan(tmp_path, extra_columns=("score",))


def test_a_comparison_of_numbers_with_a_text_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", 1)
    with pytest.raises(ValueError, match="--where \"score = 'high'\": column 'score' holds numbers"):
        plan(tmp_path, where="score = 'high'")
    with pytest.raises(ValueError, match=r"no column 'absent' \(--where\); found .*; text stands in single quotes"):
        plan(tmp_path, where="absent > 1")


def test_a_column_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("url,caption,url\nu,c,v\n")
    with pytest.raises(ValueError, match="column 'url' stands there 2 times"):
        plan(tmp_path)


def test_uids_of_another_type_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"url": ["u"], "caption": ["c"], "uid": [1]}), tmp_path / "a.parquet")
    (tmp_path.parent / "uids").write_text("0" * 32 + "\n")
    with pytest.raises(ValueError, match=r"column 'uid' \(--uid-column\) is of type int64; uids are texts"):
        plan(tmp_path, uids=str(tmp_path.parent / "uids"))
