"""JSON lines: the same rows from whole blocks, from single lines, and from any parts of the file."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.json_lines import cut_json_lines, json_schema, read_json_lines
from pipeline.sources.source import Broken, ByteRange

SCHEMA = pa.schema([("url", pa.string()), ("n", pa.float64()), ("id", pa.int64()), ("tags", pa.list_(pa.string()))])


@contextmanager
def limits(block: int, line: int = 8 << 20) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.sources.byte_ranges.BLOCK_BYTES", block)
        patch.setattr("pipeline.sources.json_lines.MAX_LINE_BYTES", line)
        yield


def read(path: Path, parts: list[ByteRange] | None = None) -> tuple[list[Any], list[tuple[int, str]]]:
    rows, broken = [], []
    for part in parts or [ByteRange()]:
        for item in read_json_lines(str(path), SCHEMA, part):
            if isinstance(item, Broken):
                broken.append((item.position, item.reason))
            else:
                rows.extend(zip(item.numbers.tolist(), item.table.to_pylist(), strict=True))
    return sorted(rows, key=lambda row: row[0]), sorted(broken)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("json")


values = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
    | st.lists(st.text(max_size=3), max_size=2)
)  # fmt: skip
line = (
    st.dictionaries(st.sampled_from(["url", "n", "id", "tags", "other"]), values).map(json.dumps)
    | st.sampled_from(["", "  ", "{", "[1]", '{"url": "\\ud83d"}', '{"url": 1}{"url": 2}', '{"url": "x"} ', "x" * 60])
).map(str.encode) | st.sampled_from([b'{"url": "\xff"}', b'{"other": "\xff", "url": "y"}', b"\r"])


@settings(max_examples=30)
@given(st.lists(line, max_size=12), st.sampled_from([b"\n", b"\r\n"]), st.integers(10, 80), st.integers(10, 80))
def test_neither_blocks_nor_cuts_change_what_is_read(
    folder: Path, lines: list[bytes], line_end: bytes, block: int, split: int
) -> None:
    path = folder / "t.jsonl"
    path.write_bytes(line_end.join(lines))
    with limits(block=1 << 20, line=300):
        whole = read(path)
    with limits(block=block, line=300):
        parts = cut_json_lines(str(path), split)
        assert [part.end for part in parts[:-1]] == [part.begin for part in parts[1:]]
        assert read(path) == whole
        assert read(path, parts) == whole
    assert len(whole[0]) + len(whole[1]) == sum(1 for line in lines if line.strip())


def test_a_value_that_does_not_fit_is_null_and_its_neighbours_stay(folder: Path) -> None:
    lines = [{"url": "a", "n": 1, "id": 2**62}, {"url": 7, "n": "x", "id": 1.5}, {"url": True, "n": 0.5, "id": 2**70},
             {"url": ["l"], "tags": ["t"]}, {"url": 1e400, "n": None}]  # fmt: skip
    (folder / "t.jsonl").write_text("\n".join(map(json.dumps, lines)))
    rows, broken = read(folder / "t.jsonl")
    assert [tuple(row.values()) for _, row in rows] == [
        ("a", 1.0, 2**62, None),
        ("7", None, None, None),
        ("true", 0.5, None, None),
        (None, None, None, ["t"]),
        ("Infinity", None, None, None),
    ]
    assert broken == []


def test_an_endless_line_is_one_rejection_and_holds_no_memory(folder: Path) -> None:
    (folder / "t.jsonl").write_text('{"url": "a"}\n{"url": "' + "x" * 5000 + '"}\n' + '{"url": "b"}\n' * 9)
    with limits(block=64, line=500):
        rows, broken = read(folder / "t.jsonl")
        parts = cut_json_lines(str(folder / "t.jsonl"), 100)
        assert len(parts) > 1
        assert read(folder / "t.jsonl", parts) == (rows, broken)
    assert [(number, row["url"]) for number, row in rows] == [(0, "a"), *((number, "b") for number in range(2, 11))]
    assert broken == [(1, "row_malformed")]


def test_columns_are_those_of_any_of_the_first_lines(folder: Path) -> None:
    (folder / "t.jsonl").write_text('{"a": 1}\nnot json\n{"b": "x", "a": 2.5}\n{"c": null}\n')
    found = json_schema(str(folder / "t.jsonl"))
    assert found == pa.schema([("a", pa.float64()), ("b", pa.string()), ("c", pa.null())])


@pytest.mark.parametrize(
    "document",
    [
        pytest.param("[\n" + '{"url": "u", "caption": "c"},\n' * 3, id="list of objects"),
        pytest.param('{"url": ["' + "x" * 9_000_000, id="endless text"),
        pytest.param("{\n", id="open object"),
    ],
)
def test_a_json_document_is_told_from_lines(tmp_path: Path, document: str) -> None:
    (tmp_path / "a.json").write_text(document)
    with pytest.raises(ValueError, match=r"a\.json: expected JSON lines, .* found a JSON document: .* jq -c"):
        json_schema(str(tmp_path / "a.json"))
