"""Which columns of a table are read: found by name, named when they are missing, carried through."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.sources.tables.table_columns import (
    YFCC_COLUMNS,
    Header,
    caption_beside,
    header_of,
    is_percent_encoded,
    pair_columns,
)
from tests.support.sources import opened, read


def test_extra_columns_are_carried_through(tmp_path: Path) -> None:
    table = pa.table({"url": ["http://a/0"], "caption": ["x"], "similarity": pa.array([0.25], pa.float32())})
    pq.write_table(table, tmp_path / "a.parquet")
    source, _ = opened(str(tmp_path / "a.parquet"), "url_table", extra_columns=("similarity",))
    assert read(source)[0][0]["extra"] == {"similarity": 0.25}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url_column": "link"}, r"no column 'link' \(--url-column\); found \['u', 'caption'\]"),
        ({}, r"none of the columns .*; found \['u', 'caption'\]; name yours with --url-column"),
        ({"url_column": "u", "extra_columns": ("nsfw",)}, r"no column 'nsfw' \(--extra-columns\)"),
    ],
)
def test_missing_columns_are_named(tmp_path: Path, options: dict[str, object], message: str) -> None:
    pq.write_table(pa.table({"u": ["http://a/0"], "caption": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=message):
        opened(str(tmp_path / "a.parquet"), "url_table", **options)[0].splits()


@pytest.mark.parametrize(
    ("row", "names", "in_file"),
    [
        (["url", "caption"], ("url", "caption"), True),
        (["http://a/1", "a cat"], ("url", "caption"), False),
        (["a cat", "https://a/1"], ("caption", "url"), False),
        (["http://a/1"], ("url",), False),
        (["1", "http://a/1", "x"], ("0", "1", "2"), False),
        ([], (), True),
    ],
)
def test_the_columns_are_told_from_the_first_row(row: list[str], names: tuple[str, ...], in_file: bool) -> None:
    assert header_of(row) == Header(names, in_file)


@pytest.mark.parametrize("width", [23, 24, 25])
def test_the_layouts_of_yfcc100m_are_known_by_width_and_places(width: int) -> None:
    names = [name for name in YFCC_COLUMNS if name not in {25: (), 24: ("line",), 23: ("line", "hash")}[width]]
    row = ["http://h/" if name in ("pageurl", "downloadurl") else "x" for name in names]
    assert header_of(row) == Header(tuple(names), False)
    elsewhere = ["http://h/", *["x"] * (width - 1)]
    assert header_of(elsewhere).names == tuple(map(str, range(width)))


def test_listed_captions_come_first_with_the_single_ones_beside() -> None:
    schema = pa.schema([("url", pa.string()), ("caption", pa.string()), ("captions", pa.list_(pa.string()))])
    assert pair_columns("a", schema, "", "") == ("url", "captions")
    assert caption_beside(schema, "") == "caption"
    assert pair_columns("a", schema, "", "caption") == ("url", "caption")
    assert caption_beside(schema, "caption") == ""
    plain = pa.schema([("url", pa.string()), ("caption", pa.string()), ("captions", pa.string())])
    assert pair_columns("a", plain, "", "") == ("url", "caption")


def test_captions_of_yfcc100m_are_percent_encoded() -> None:
    assert is_percent_encoded(("downloadurl", "title"))
    assert not is_percent_encoded(("url", "title"))


def test_a_table_without_captions_has_none_where_none_is_needed() -> None:
    schema = pa.schema([("URL", pa.string()), ("similarity", pa.float32())])
    assert pair_columns("a", schema, "", "", needs_caption=False) == ("URL", "")
    with pytest.raises(ValueError, match="none of the columns"):
        pair_columns("a", schema, "", "")
    with pytest.raises(ValueError, match=r"no column 'text' \(--caption-column\)"):
        pair_columns("a", schema, "", "text", needs_caption=False)
    known = pa.schema([("URL", pa.string()), ("TEXT", pa.string())])
    assert pair_columns("a", known, "", "", needs_caption=False) == ("URL", "TEXT")
