"""Captions as lists, and inside of other columns: a pair for each caption, or a word about the column's type."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources import formats
from pipeline.sources.config import SourceOptions
from pipeline.sources.source import Source
from tests.support.sources import read_source


def table(path: Path | str, **options: Any) -> Source:
    return formats.open_source(SourceOptions(input=str(path), **options)).source


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lists")


def write(path: Path, rows: list[dict[str, Any]], **types: pa.DataType) -> Path:
    if path.suffix == ".parquet":
        found = pa.Table.from_pylist(rows)
        for name, kind in types.items():
            place = found.schema.get_field_index(name)
            found = found.set_column(place, name, found[name].combine_chunks().cast(kind))
        pq.write_table(found, path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


captions = st.none() | st.lists(st.none() | st.text(max_size=3), max_size=3)


@given(st.lists(captions, min_size=1, max_size=8))
def test_a_row_is_a_pair_for_each_caption(folder: Path, lists: list[list[str | None] | None]) -> None:
    rows = [{"url": f"http://h/{number}", "caption": found, "n": number} for number, found in enumerate(lists)]
    expected = [(f"http://h/{n}", caption, n) for n, found in enumerate(lists) for caption in (found or [None])]
    kinds = [pa.list_(pa.string()), pa.large_list(pa.large_string())]
    for number, kind in enumerate(kinds):
        write(folder / f"{number}.parquet", rows, caption=kind)
    write(folder / "a.jsonl", rows)
    for name in ("0.parquet", "1.parquet", "a.jsonl"):
        found = read_source(table(folder / name, extra_columns=("n",)))
        assert [(row["url"], row["caption"], row["extra"]["n"]) for row in found.rows] == expected, name
        assert [row["source_row"] for row in found.rows] == [n for _, _, n in expected]
        assert found.broken == []


def test_fixed_size_lists_and_numbers_are_captions(folder: Path) -> None:
    rows = [{"url": "http://h/0", "captions": [1, 2]}, {"url": "http://h/1", "captions": [3, None]}]
    path = write(folder / "fixed.parquet", rows, captions=pa.list_(pa.int64(), 2))
    assert [caption for _, caption in read_source(table(path)).pairs] == ["1", "2", "3", None]


@pytest.mark.parametrize("name", ["both.parquet", "both.jsonl"])
def test_a_list_of_captions_comes_before_its_first(folder: Path, name: str) -> None:
    rows = [{"url": "http://h/0", "caption": "a", "captions": ["a", "b"]}]
    assert read_source(table(write(folder / name, rows))).pairs == [("http://h/0", "a"), ("http://h/0", "b")]
    assert read_source(table(folder / name, caption_column="caption")).pairs == [("http://h/0", "a")]
    rows = [{"url": "http://h/0", "caption": "a", "captions": "other"}]
    assert read_source(table(write(folder / name, rows))).pairs == [("http://h/0", "a")]


@pytest.mark.parametrize("name", ["some.parquet", "some.jsonl"])
def test_a_row_without_listed_captions_has_its_single_one(folder: Path, name: str) -> None:
    rows = [
        {"url": "http://h/0", "caption": "a", "captions": ["b", "c"]},
        {"url": "http://h/1", "caption": "d", "captions": None},
        {"url": "http://h/2", "caption": "e", "captions": []},
        {"url": "http://h/3", "caption": None, "captions": None},
        {"url": "http://h/4", "caption": "f", "captions": [None]},
    ]
    found = read_source(table(write(folder / name, rows)))
    assert [(row["source_row"], row["caption"], row["text_source"]) for row in found.rows] == [
        (0, "b", "captions"), (0, "c", "captions"), (1, "d", "caption"), (2, "e", "caption"), (3, None, "caption"),
        (4, None, "captions"),
    ]  # fmt: skip
    named = read_source(table(folder / name, caption_column="captions"))
    assert [row["caption"] for row in named.rows] == ["b", "c", None, None, None, None]


NESTED = {"url": "http://h/0", "metadata": {"caption": "a cat", "more": {"texts": ["b", "c"]}, "n": 5}}


INSIDE = {"metadata.caption": ["a cat"], "metadata.more.texts": ["b", "c"], "metadata.n": ["5"]}


@pytest.mark.parametrize("name", ["nested.parquet", "nested.jsonl"])
@pytest.mark.parametrize(("column", "expected"), INSIDE.items(), ids=list(INSIDE))
def test_a_caption_inside_of_a_column_is_named_with_dots(
    folder: Path, name: str, column: str, expected: list[str]
) -> None:
    path = write(folder / name, [NESTED, {"url": "http://h/1", "metadata": None}])
    found = read_source(table(path, caption_column=column, extra_columns=("metadata.n",)))
    assert [row["caption"] for row in found.rows] == [*expected, None]
    assert [row["extra"] for row in found.rows] == [{"metadata.n": 5}] * len(expected) + [{"metadata.n": None}]


def test_a_key_of_a_map_is_named_with_a_dot(folder: Path) -> None:
    texts = pa.array([[("alt", "a cat"), ("title", "t")], None], pa.map_(pa.string(), pa.string()))
    pq.write_table(pa.table({"url": ["http://h/0", "http://h/1"], "texts": texts}), folder / "map.parquet")
    found = read_source(table(folder / "map.parquet", caption_column="texts.alt"))
    assert found.pairs == [("http://h/0", "a cat"), ("http://h/1", None)]


CAPTION, URL = r"column 'caption' \(--caption-column\) is of type ", r"column 'url' \(--url-column\) is of type "
NO_TEXTS = {
    "struct": ({"url": "u", "caption": {"en": "a"}}, CAPTION + r"struct<en: string>, .*caption\.en"),
    "list-of-structs": ({"url": "u", "caption": [{"en": "a"}]}, CAPTION + "list<.*struct<en: string>>"),
    "list-of-lists": ({"url": "u", "caption": [["a"]]}, CAPTION + "list<.*list<"),
    "url-list": ({"url": ["u"], "caption": "a"}, URL + "list<.*string>, but a row has one URL"),
    "url-struct": ({"url": {"src": "u"}, "caption": "a"}, URL + r"struct<src: string>.*url\.src"),
}


@pytest.mark.parametrize("name", ["wrong.parquet", "wrong.jsonl"])
@pytest.mark.parametrize(("row", "message"), NO_TEXTS.values(), ids=list(NO_TEXTS))
def test_a_column_of_no_texts_is_named_with_its_type(
    folder: Path, name: str, row: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=rf"{name}: {message}"):
        table(write(folder / name, [row, row])).splits()


def test_values_of_json_that_are_no_texts_are_rejections(tmp_path: Path) -> None:
    lines = [
        {"url": "http://h/0", "caption": "a"},
        {"url": "http://h/1", "caption": {"en": "a"}},
        {"url": ["http://h/2"], "caption": "a"},
        {"url": "http://h/3", "caption": ["a", {"en": "b"}, ["c"], None, 7, True]},
        {"url": {"src": "http://h/4"}, "caption": ["a"]},
    ]
    found = read_source(table(write(tmp_path / "a.jsonl", lines)))
    assert found.pairs == [("http://h/0", "a"), *(("http://h/3", text) for text in ("a", None, "7", "true"))]
    caption, url = "caption_not_text", "url_not_text"
    assert found.reasons == [(1, caption), (2, url), (3, caption), (3, caption), (4, url)]
    assert sorted(str(item.value) for item in found.broken)[:2] == ['caption: ["c"]', 'caption: {"en": "a"}']


@pytest.mark.parametrize("value", [5, 0, -1.5, 2**70, True, False, [], {}], ids=str)
def test_a_value_that_is_no_text_is_no_url(tmp_path: Path, value: Any) -> None:
    lines = [{"url": "http://h/0", "caption": 5}, {"url": value, "caption": "a"}, {"url": None, "caption": "b"}]
    found = read_source(table(write(tmp_path / "a.jsonl", lines)))
    assert found.pairs == [("http://h/0", "5"), (None, "b")]
    assert found.reasons == [(1, "url_not_text")]


def test_a_column_of_nulls_has_missing_captions(folder: Path) -> None:
    pq.write_table(pa.table({"url": ["http://h/0"], "caption": pa.nulls(1)}), folder / "null.parquet")
    assert read_source(table(folder / "null.parquet")).pairs == [("http://h/0", None)]
