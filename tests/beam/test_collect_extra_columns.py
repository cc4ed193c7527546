"""Columns carried through collect: every value arrives, in one type for the whole input, however it is cut."""

import datetime
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from pipeline.collect.summary import print_collect
from tests.conftest import write_queries


def collected(tmp_path: Path, pattern: str, **options: Any) -> tuple[pa.Table, dict[str, Any]]:
    """Return the candidates in the order of their files and rows, and the manifest's summary."""
    write_queries(tmp_path / "queries", ["cat"])
    config = CollectConfig(
        input=pattern,
        queries=f"{tmp_path}/queries",
        output=f"{tmp_path}/candidates",
        max_rejected_fraction=1,
        **options,
    )
    summary = run_collect(config, [])["summary"]
    files = sorted((tmp_path / "candidates").glob("[0-9]*.parquet"))
    table = pa.concat_tables([pq.read_table(file) for file in files])
    return table.sort_by([("source_file", "ascending"), ("source_row", "ascending")]), summary


def extra(table: pa.Table) -> dict[str, list[Any]]:
    column = table["extra"].combine_chunks()
    return {field.name: pc.struct_field(column, field.name).to_pylist() for field in column.type}


LATE = [*({"score": 1, "id": number, "when": "2020-01-01"} for number in range(3_000)),
        {"score": 0.75, "id": "A7", "when": None}, {"score": 2, "id": "007", "when": "2020"}]  # fmt: skip


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    lines = [
        {"url": f"http://h.example/{number}.jpg", "caption": f"a red cat {number} " + "x" * 60, **row}
        for number, row in enumerate(rows)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize("split_bytes", [64 << 20, 40_000])
def test_a_type_that_comes_late_in_json_lines_loses_nothing(
    tmp_path: Path, split_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.sources.tables.table_plan.SPLIT_BYTES", split_bytes)
    write_lines(tmp_path / "a.jsonl", LATE)
    table, summary = collected(tmp_path, f"{tmp_path}/a.jsonl", extra_columns=("score", "id", "when"))
    assert table["extra"].type == pa.struct([("score", pa.float64()), ("id", pa.string()), ("when", pa.string())])
    assert extra(table) == {
        "score": [float(row["score"]) for row in LATE],
        "id": [str(row["id"]) for row in LATE],
        "when": [row["when"] for row in LATE],
    }
    assert summary["values_unfit"] == {}


def test_rows_are_asked_for_by_the_values_that_come_late(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", LATE)
    table, summary = collected(
        tmp_path, f"{tmp_path}/a.jsonl", where="id == 'A7' or score > 1.5", extra_columns=("id",)
    )
    assert extra(table) == {"id": ["A7", "007"]}
    assert summary["dropped_by_reason"] == {"where": 3_000}


def test_parquet_files_of_several_types_are_one_column(tmp_path: Path) -> None:
    columns: dict[str, list[pa.Array]] = {
        "width": [pa.array([640, None]), pa.array([33.5, 2.0])],
        "big": [pa.array([2**60 + 1, 1]), pa.array([0.5, 1.0])],
        "id": [pa.array([7, 8]), pa.array(["A7", None])],
        "small": [pa.array([1, 2], pa.int8()), pa.array([300, 4], pa.uint16())],
        "flag": [pa.array([True, None]), pa.array([False, True])],
        "day": [pa.array([datetime.date(2020, 1, 2)] * 2), pa.array([datetime.date(2021, 1, 2), None])],
        "mixed_day": [pa.array([datetime.date(2020, 1, 2)] * 2), pa.array(["2021", None])],
        "box": [pa.array([[1.5], []]), pa.array([[2], None], pa.large_list(pa.int16()))],
        "missing": [pa.array(["x", "y"]), None],
    }  # fmt: skip
    for file in (0, 1):
        cells = {name: parts[file] for name, parts in columns.items() if parts[file] is not None}
        urls = [f"http://h.example/{file}-{row}.jpg" for row in (0, 1)]
        pq.write_table(pa.table({"url": urls, "caption": ["a cat"] * 2, **cells}), tmp_path / f"{file}.parquet")
    table, summary = collected(tmp_path, f"{tmp_path}/?.parquet", extra_columns=tuple(columns))
    assert extra(table) == {
        "width": [640.0, None, 33.5, 2.0],
        "big": [str(2**60 + 1), "1", "0.5", "1"],
        "id": ["7", "8", "A7", None],
        "small": [1, 2, 300, 4],
        "flag": [True, None, False, True],
        "day": [datetime.date(2020, 1, 2)] * 2 + [datetime.date(2021, 1, 2), None],
        "mixed_day": ["2020-01-02", "2020-01-02", "2021", None],
        "box": [[1.5], [], [2.0], None],
        "missing": ["x", "y", None, None],
    }
    assert summary["values_unfit"] == {}


def test_tables_of_every_kind_are_one_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("url,caption,n\nhttp://h.example/a,a cat,5\n")
    (tmp_path / "b.jsonl").write_text('{"url": "http://h.example/b", "caption": "a cat", "n": 6}\n')
    pq.write_table(pa.table({"url": ["http://h.example/c"], "caption": ["a cat"], "n": [7]}), tmp_path / "c.parquet")
    table, _ = collected(tmp_path, f"{tmp_path}/[a-c].*", extra_columns=("n",))
    assert (table["extra"].type, extra(table)) == (pa.struct([("n", pa.string())]), {"n": ["5", "6", "7"]})


def test_values_that_no_column_holds_are_counted(tmp_path: Path) -> None:
    raw = pa.array([b"ok", b"\xff\xfe", None], pa.binary())
    urls = [f"http://h.example/{number}" for number in range(3)]
    table = pa.table({"url": urls, "caption": ["a cat"] * 3, "license": raw, "tag": raw.view(pa.string())})
    pq.write_table(table, tmp_path / "a.parquet")
    table, summary = collected(tmp_path, f"{tmp_path}/a.parquet", extra_columns=("tag",))
    assert (table["license"].to_pylist(), extra(table)) == (["ok", None, None], {"tag": ["ok", None, None]})
    assert summary["values_unfit"] == {"license": 1, "tag": 1}


def test_lists_of_licences_are_carried(tmp_path: Path) -> None:
    urls = ["http://h.example/0", "http://h.example/1"]
    table = pa.table({"url": urls, "caption": ["a cat"] * 2, "license": [["by", "sa"], None], "language": [1, 2]})
    pq.write_table(table, tmp_path / "a.parquet")
    table, _ = collected(tmp_path, f"{tmp_path}/a.parquet")
    assert table["license"].to_pylist() == ['["by", "sa"]', None]
    assert table["language"].to_pylist() == ["1", "2"]


def test_duplicates_of_any_type_are_removed(tmp_path: Path) -> None:
    columns = {
        "map": pa.array([[("a", 1)], [("a", 0)]], pa.map_(pa.string(), pa.int64())),
        "struct": pa.array([{"a": [1], "b": None}, {"a": None, "b": 2}]),
        "half": pa.array([1.0, 0.5], pa.float16()),
        "decimal": pa.array(["1.5", None], pa.string()).cast(pa.decimal128(5, 2)),
        "time": pa.array([datetime.time(1), datetime.time(2)]),
        "bytes": pa.array([b"b", b"a"]),
        "flag": pa.array([True, False]),
        "words": pa.array(["b", "a"]).dictionary_encode(),
        "span": pa.array([datetime.timedelta(1), datetime.timedelta(2)]),
    }
    for name, column in columns.items():
        table = pa.table({"url": ["http://h.example/0"] * 2, "caption": ["a cat"] * 2, name: column})
        (tmp_path / name).mkdir()
        pq.write_table(table, tmp_path / name / "a.parquet")
        found, summary = collected(tmp_path / name, f"{tmp_path}/{name}/a.parquet", extra_columns=(name,))
        assert (len(found), summary["counts"]["duplicates"]) == (1, 1), name


def test_a_column_without_a_value_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ['{"url": "http://h.example/1", "caption": "a cat", "score": null, "n": 1}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    table, summary = collected(tmp_path, f"{tmp_path}/a.jsonl", extra_columns=("score", "n"))
    assert summary["columns_without_value"] == ["score"]
    assert extra(table) == {"score": [None], "n": [1]}
    print_collect({"summary": summary}, "there")
    assert "note: no record has a value in the column 'score' of --extra-columns" in capsys.readouterr().out
