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

from pipeline.sources import formats
from pipeline.sources.config import SourceOptions
from pipeline.sources.source import Broken, ByteRange
from pipeline.sources.tables.json_lines import cut_json_lines, json_names, json_schema, read_json_lines
from tests.support.sources import read_source

NAMES = ("url", "n", "id", "tags", "in.side")


@contextmanager
def limits(block: int, line: int = 8 << 20) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.sources.files.byte_ranges.BLOCK_BYTES", block)
        patch.setattr("pipeline.sources.tables.json_lines.MAX_LINE_BYTES", line)
        yield


def read(path: Path, parts: list[ByteRange] | None = None) -> tuple[list[Any], list[tuple[int, str]]]:
    """Return ((number, {name: (text, kinds)}) of the good lines, (number, reason) of the broken ones)."""
    rows, broken = [], []
    for part in parts or [ByteRange()]:
        for item in read_json_lines(str(path), NAMES, part):
            if isinstance(item, Broken):
                broken.append((item.position, item.reason))
            else:
                assert item.kinds is not None
                texts, kinds = item.table.to_pydict(), {name: item.kinds[name].tolist() for name in NAMES}
                for row, number in enumerate(item.numbers.tolist()):
                    rows.append((number, {name: (texts[name][row], kinds[name][row]) for name in NAMES}))
    return sorted(rows, key=lambda row: row[0]), sorted(broken)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("json")


values = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
    | st.lists(st.text(max_size=3), max_size=2)
)  # fmt: skip
line = (
    st.dictionaries(st.sampled_from(["url", "n", "id", "tags", "other", "in"]), values).map(json.dumps)
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


def test_values_are_texts_as_they_stand(folder: Path) -> None:
    lines = [
        '{"url": "a\\u00e9\\n\\"", "n": 1, "id": 4611686018427387904}', '{"url": 7, "n": "x", "id": 1.50}',
        '{"url": true, "in": {"side": [1, "\\u00e9"]}, "tags": ["t"]}', '{"url": null, "n": -1e5, "in.side": {}}', "{}",
    ]  # fmt: skip
    (folder / "t.jsonl").write_text("\n".join(lines))
    rows, broken = read(folder / "t.jsonl")
    assert [[text for text, _ in row.values()] for _, row in rows] == [
        ['aé\n"', "1", "4611686018427387904", None, None],
        ["7", "x", "1.50", None, None],
        ["true", None, None, '["t"]', '[1, "\\u00e9"]'],
        [None, "-1e5", None, None, "{}"],
        [None] * 5,
    ]
    assert broken == []


def test_an_endless_line_is_one_rejection_and_holds_no_memory(folder: Path) -> None:
    (folder / "t.jsonl").write_text('{"url": "a"}\n{"url": "' + "x" * 5000 + '"}\n' + '{"url": "b"}\n' * 9)
    with limits(block=64, line=500):
        rows, broken = read(folder / "t.jsonl")
        parts = cut_json_lines(str(folder / "t.jsonl"), 100)
        assert len(parts) > 1
        assert read(folder / "t.jsonl", parts) == (rows, broken)
    assert [(number, row["url"][0]) for number, row in rows] == [(0, "a"), *((number, "b") for number in range(2, 11))]
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


def test_lines_that_end_in_cr_alone_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"url": "u", "caption": "c"}\r' * 3)
    with pytest.raises(ValueError, match=r"a\.jsonl: expected lines that end in LF or CR LF, found CR alone"):
        json_schema(str(tmp_path / "a.jsonl"))


def test_names_are_found_wherever_they_stand(tmp_path: Path) -> None:
    lines = ['{"url": "the \\"late\\" \\"n\\" here"}'] * 40_000 + ['{"late": null, "in": {"side": 1}}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    path = str(tmp_path / "a.jsonl")
    assert json_schema(path).names == ["url"]
    assert json_names(path, ["late", "n", "in.side", "in.out"]) == {"late", "in.side"}


@pytest.mark.parametrize("where", ["late == 'L1'", "late like 'L%'", "late is not null", "late != '' and n == 5000"])
def test_a_column_that_first_comes_far_behind_the_beginning_can_be_compared(tmp_path: Path, where: str) -> None:
    lines = [{"url": f"http://h/{n}", "caption": "x" * 100, "n": n} for n in range(5000)]
    lines.append({"url": "http://h/late", "caption": "a", "n": 5000, "late": "L1"})
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "b.jsonl").write_text(json.dumps({"url": "http://h/b", "caption": "b", "n": 1}) + "\n")
    for name in ("a.jsonl", "*.jsonl"):
        source = formats.open_source(SourceOptions(input=str(tmp_path / name), where=where)).source
        assert read_source(source).pairs == [("http://h/late", "a")]
