"""Every table format gives the same pairs; broken rows are told and the rest is read."""

import bz2
import gzip
import json
import lzma
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.sources import formats
from pipeline.sources.config import SourceOptions
from pipeline.sources.source import Broken, InputSplit, Source
from tests.support.sources import read_source


def opened(path: str, input_format: str, **options: object) -> tuple[Source, str]:
    return formats.open_source(SourceOptions(input=path, input_format=input_format, **options))  # type: ignore[arg-type]


def read(source: Source) -> tuple[list[dict[str, Any]], list[Broken]]:
    found = read_source(source)
    return found.rows, found.broken


def pairs(rows: list[dict[str, object]]) -> list[tuple[object, object, object]]:
    return [(row["source_row"], row["url"], row["caption"]) for row in rows]


EXPECTED = [(0, "http://a/0", "zero"), (1, "http://a/1", "one, two"), (2, "http://a/2", None)]


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.tsv", "t.jsonl", "t.csv.gz", "t.jsonl.gz"])
def test_every_table_format_gives_the_same_pairs(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    rows = [
        {"url": "http://a/0", "TEXT": "zero"},
        {"url": "http://a/1", "TEXT": "one, two"},
        {"url": "http://a/2", "TEXT": None},
    ]
    if name == "t.parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    else:
        if ".jsonl" in name:
            text = "".join(json.dumps(row) + "\n" for row in rows)
        elif ".csv" in name:
            text = 'url,TEXT\nhttp://a/0,zero\nhttp://a/1,"one, two"\nhttp://a/2,\n'
        else:
            text = "url\tTEXT\nhttp://a/0\tzero\nhttp://a/1\tone, two\nhttp://a/2\t\n"
        path.write_bytes(gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode())
    source, root = opened(str(path), "url_table")
    found, broken = read(source)
    assert pairs(found) == EXPECTED
    assert broken == []
    assert root == str(tmp_path)


def test_malformed_rows_are_broken_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("url,caption\nhttp://a/0,zero\nhttp://a/1,one,two,three\nhttp://a/2,two\n")
    rows, broken = read(opened(str(tmp_path / "t.csv"), "url_table")[0])
    assert [row["caption"] for row in rows] == ["zero", "two"]
    assert [(row["source_row"]) for row in rows] == [0, 2]
    assert [(item.reason, item.position, item.value) for item in broken] == [
        ("row_malformed", 1, "http://a/1,one,two,three")
    ]
    (tmp_path / "t.jsonl").write_text(
        '{"url": "http://a/0", "caption": "zero"}\n{"url": \n[1]\n{"url": "u", "caption": "x"}\n'
    )
    rows, broken = read(opened(str(tmp_path / "t.jsonl"), "url_table")[0])
    assert [(row["source_row"], row["caption"]) for row in rows] == [(0, "zero"), (3, "x")]
    assert [(item.reason, item.position) for item in broken] == [("row_malformed", 1), ("row_malformed", 2)]


def test_an_endless_json_line_is_broken_and_the_rest_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.tables.json_lines.MAX_LINE_BYTES", 100)
    lines = ['{"url": "http://a/0", "caption": "zero"}', '{"url": "' + "x" * 1000, '{"url": "u", "caption": "x"}']
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    rows, broken = read(opened(str(tmp_path / "t.jsonl"), "url_table")[0])
    assert [(row["source_row"], row["caption"]) for row in rows] == [(0, "zero"), (2, "x")]
    assert [(item.reason, item.position) for item in broken] == [("row_malformed", 1)]


def test_an_unknown_table_kind_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"a url_table is named \.parquet, \.csv"):
        opened(str(tmp_path / "a.xlsx"), "url_table")[0].splits()


def test_a_lone_surrogate_is_a_rejection(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"url": "http://a/0", "caption": "dog \\ud83d"}\n{"url": "u", "caption": "x"}\n')
    rows, broken = read(opened(str(tmp_path / "t.jsonl"), "url_table")[0])
    assert [(row["source_row"], row["caption"]) for row in rows] == [(1, "x")]
    assert [(item.reason, item.position) for item in broken] == [("caption_not_utf8", 0)]


def test_neighbours_of_a_bad_line_keep_their_values(tmp_path: Path) -> None:
    lines = ["not json", '{"url": "http://a/1"}', "", '{"url": "http://a/2", "caption": 7, "similarity": 0.5}']
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    source, _ = opened(str(tmp_path / "t.jsonl"), "url_table", extra_columns=("similarity",))
    rows, broken = read(source)
    assert [(row["source_row"], row["caption"], row["extra"]["similarity"]) for row in rows] == [
        (1, None, None),
        (2, "7", 0.5),
    ]
    assert [(item.reason, item.position) for item in broken] == [("row_malformed", 0)]


@pytest.mark.parametrize("name", ["t.csv.gz", "t.jsonl.xz", "t.csv.bz2"])
def test_a_damaged_compressed_table_is_broken(tmp_path: Path, name: str) -> None:
    lines = "".join(f"http://a/{number},caption {number * 7919 % 1000}\n" for number in range(40_000))
    pack = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress}[name.rsplit(".", 1)[1]]
    whole = bytearray(pack(("url,caption\n" + lines).encode()))
    for position in range(len(whole) // 2, len(whole) // 2 + 64):
        whole[position] ^= 0x55
    (tmp_path / name).write_bytes(whole)
    _, broken = read(opened(str(tmp_path / name), "url_table", url_column="url")[0]) if "csv" in name else (
        None, read_broken_json(tmp_path / name),
    )  # fmt: skip
    assert broken[-1].reason == "file_unreadable"
    assert {item.reason for item in broken[:-1]} <= {"row_malformed"}  # what is unpacked of the damage itself


def read_broken_json(path: Path) -> list[Broken]:
    source, _ = opened(str(path), "url_table")
    found = []
    for item in source.read(InputSplit(0, str(path), path.name, columns=("url", "caption"))):
        if isinstance(item, Broken) and item.reason != "row_malformed":
            found.append(item)
    return found


def test_an_empty_file_among_others_is_a_rejection(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("url,caption\nhttp://a/0,zero\n")
    (tmp_path / "b.csv").write_text("")
    rows, broken = read(opened(f"{tmp_path}/*.csv", "url_table")[0])
    assert (len(rows), [item.reason for item in broken]) == (1, ["file_unreadable"])
