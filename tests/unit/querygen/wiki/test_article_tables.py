"""Articles from Parquet: the columns, broken rows and broken files."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.wiki import article_tables
from querygen.wiki.page import Page
from querygen.wiki.units import open_pages, plan_units
from schemas.rejection import Rejection

STRING = pa.string()
WIKI = "https://en.wikipedia.org/wiki/"


def read(path: Path, unit_bytes: int = 1 << 20) -> tuple[list[Page], list[Rejection]]:
    pages: list[Page] = []
    rejections: list[Rejection] = []
    for unit in plan_units([str(path)], unit_bytes):
        reader = open_pages(unit)
        pages += reader
        rejections += reader.rejections
    return pages, rejections


def articles(titles: list[str | None], texts: list[str | None], kind: pa.DataType = STRING) -> pa.Table:
    rows = [str(row) for row in range(len(titles))]
    return pa.table(
        {
            "id": rows,
            "url": [WIKI + row for row in rows],
            "title": pa.array(titles, kind),
            "text": pa.array(texts, kind),
        }
    )


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_rows_are_pages(tmp_path: Path, kind: pa.DataType) -> None:
    pq.write_table(articles(["Dog", "Talk: radio"], ["A dog.\n\nTwo [[x]] &amp;", ""], kind), tmp_path / "t")
    pages, rejections = read(tmp_path / "t")
    assert pages == [
        Page(title="Dog", namespace=0, redirect=None, text=b"A dog.\n\nTwo [[x]] &amp;", position=0, is_plain=True),
        Page(title="Talk: radio", namespace=0, redirect=None, text=b"", position=1, is_plain=True),
    ]
    assert rejections == []


def test_broken_rows_are_rejected_with_their_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(article_tables, "MAX_PAGE_BYTES", 100)
    monkeypatch.setattr(article_tables, "BATCH_ROWS", 2)
    titles = ["A", None, "C", "", "E", "F", "G"]
    table = articles(titles, ["a", "b", None, "d", "e" * 101, "f", "g"])
    bad = pa.array([b"A", b"B", b"C", b"D", b"E", b"\xff", b"G"]).view(pa.string())
    pq.write_table(table, tmp_path / "t", row_group_size=3)
    pages, rejections = read(tmp_path / "t", 1)
    assert [(p.title, p.position) for p in pages] == [("A", 0), ("F", 5), ("G", 6)]
    assert rejections == [
        ("row_malformed", "t", row, value) for row, value in ((1, None), (2, b"C"), (3, b""), (4, b"E"))
    ]
    pq.write_table(table.set_column(2, "title", bad), tmp_path / "t")
    _, rejections = read(tmp_path / "t")
    assert ("row_malformed", "t", 5, b"\xff") in rejections


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"title": ["A"], "body": ["b"]}), "'text' of strings, found 0 such columns"),
        (pa.table({"title": ["A"], "text": [1]}), "'text' of strings, found int64"),
        (pa.table([["A"], ["B"], ["b"]], names=["title", "title", "text"]), "'title' of strings, found 2 such columns"),
    ],
)
def test_another_table_is_an_error_that_says_so(tmp_path: Path, table: pa.Table, message: str) -> None:
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=message) as error:
        plan_units([str(tmp_path / "t.parquet")], 1000)
    assert "t.parquet" in str(error.value)


def test_broken_row_group_costs_its_rows(tmp_path: Path) -> None:
    pq.write_table(articles([f"T{row}" for row in range(30)], [f"text {row}" * 50 for row in range(30)]),
                   tmp_path / "t", row_group_size=10, compression="zstd", use_dictionary=False)  # fmt: skip
    data = bytearray((tmp_path / "t").read_bytes())
    place = pq.ParquetFile(tmp_path / "t").metadata.row_group(1).column(3).data_page_offset
    data[place : place + 60] = b"\xff" * 60
    (tmp_path / "t").write_bytes(data)
    for unit_bytes in (1, 1 << 20):
        pages, rejections = read(tmp_path / "t", unit_bytes)
        assert [p.position for p in pages] == [*range(10), *range(20, 30)]
        assert [row[:3] for row in rejections] == [("file_unreadable", "t", 10)]


@pytest.mark.parametrize("kept", [4, 100, 0.5, 0.99])
def test_truncated_file_is_unreadable(tmp_path: Path, kept: float) -> None:
    pq.write_table(articles(["A"] * 50, ["a"] * 50), tmp_path / "t")
    data = (tmp_path / "t").read_bytes()
    (tmp_path / "t").write_bytes(data[: int(kept if kept > 1 else kept * len(data))])
    pages, rejections = read(tmp_path / "t")
    assert pages == []
    assert [row[:3] for row in rejections] == [("file_unreadable", "t", -1)]


def test_empty_table(tmp_path: Path) -> None:
    pq.write_table(articles([], []), tmp_path / "t")
    assert read(tmp_path / "t") == ([], [])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.none() | st.text(max_size=5), st.none() | st.text(max_size=20)), max_size=30),
    st.integers(1, 8), st.integers(1, 500),
)  # fmt: skip
def test_every_row_is_a_page_or_a_rejection(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str | None, str | None]], group: int, unit_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("table") / "t"
    pq.write_table(articles([row[0] for row in rows], [row[1] for row in rows]), path, row_group_size=group)
    pages, rejections = read(path, unit_bytes)
    assert sorted([p.position for p in pages] + [row[2] for row in rejections]) == list(range(len(rows)))
    assert all((p.title, p.text.decode()) == rows[p.position] for p in pages)
