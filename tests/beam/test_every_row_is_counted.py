"""Every row of a table is a candidate, a duplicate, a rejection or a counted drop: against counts made apart."""

import bz2
import csv
import gzip
import io
import json
import lzma
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from pipeline.collect.raw_pairs import check_pairs
from pipeline.sources import formats
from pipeline.sources.config import SourceOptions
from pipeline.sources.source import Broken, Dropped, Noted
from tests.conftest import write_queries

PACKINGS = {
    "": bytes, ".gz": partial(gzip.compress, mtime=0), ".bz2": bz2.compress, ".xz": lzma.compress,
    ".zst": zstandard.compress,
}  # fmt: skip


def counted(path: Path, **options: Any) -> tuple[int, int, int]:
    """Return (good pairs, rejections, drops) of a table, without matching."""
    source = formats.open_source(SourceOptions(input=str(path), **options)).source
    good = rejected = dropped = 0
    for split in source.splits():
        for item in source.read(split):
            if isinstance(item, Broken):
                rejected += 1
            elif isinstance(item, Dropped):
                dropped += item.count
            elif isinstance(item, pa.Table):
                checked = check_pairs(item, 10_000, unescape_html=True)
                good += len(checked.pairs)
                rejected += len(checked.broken)
            else:
                assert isinstance(item, Noted)
    return good, rejected, dropped


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("counted")


# Pieces of messy files: (bytes, good pairs in them, broken records, whether --where keeps them). A row that is no row
# has no score, so it is told before it is compared.
TEXT_ROWS = [
    ("http://h/{n}{s}a cat {n}{s}1", 1, 0, True),
    ("http://h/{n}{s}a &amp; cat{s}0", 1, 0, False),
    ("ftp://h/{n}{s}a cat{s}1", 0, 1, True),
    ("http://h/{n}{s}{s}1", 0, 1, True),
    ("{s}a cat{s}1", 0, 1, True),
    ("http://h/{n}{s}a cat", 0, 1, None),
    ("http://h/{n}{s}a{s}b{s}c{s}1", 0, 1, None),
    ("just words", 0, 1, None),
    ("", 0, 0, None),
    ("{s}{s}", 0, 1, False),
]  # fmt: skip
QUOTED = [
    ('"http://h/{n}"{s}"a ""red"" cat{s} and more"{s}"1"', 1, 0, True),
    ('http://h/{n}{s}"a cat\non two lines"{s}1', 1, 0, True),
]
JSON_ROWS = [
    ('{{"url": "http://h/{n}", "caption": "a cat", "score": 1}}', 1, 0, True),
    ('{{"score": 1.0, "caption": ["a", "b", null, {{"x": 1}}], "url": "http://h/{n}"}}', 2, 2, True),
    ('{{"url": "http://h/{n}", "caption": [], "score": true}}', 0, 1, True),
    ('{{"url": "http://h/{n}", "caption": {{"en": "a"}}, "score": "1"}}', 0, 1, True),
    ('{{"url": ["http://h/{n}"], "caption": "a", "score": 1}}', 0, 1, True),
    ('{{"url": "http://h/{n}", "caption": "a", "score": 0}}', 1, 0, False),
    ('{{"url": "http://h/{n}", "caption": "a"}}', 1, 0, False),
    ('{{"url": "http://h/{n}", "caption": "\\ud83d", "score": 1}}', 0, 1, None),
    ('{{"url": "http://h/{n}", "caption": ', 0, 1, None),
    ("[1, 2]", 0, 1, None),
    ("  ", 0, 0, None),
]
Row = tuple[str, int, int, bool | None]


def expected(rows: list[Row], where: bool) -> tuple[int, int, int]:
    """Return what `counted` must give."""
    kept = [row for row in rows if not where or row[3] in (True, None)]
    return (
        sum(row[1] for row in kept),
        sum(row[2] for row in kept),
        sum(row[3] is False for row in rows) if where else 0,
    )


@settings(max_examples=25)
@given(
    st.sampled_from(["csv", "tsv", "jsonl"]), st.sampled_from(sorted(PACKINGS)),
    st.lists(st.integers(0, 99), min_size=1, max_size=30), st.sampled_from(["\n", "\r\n"]), st.booleans(),
    st.booleans(),
)  # fmt: skip
def test_messy_texts(
    folder: Path, kind: str, packing: str, choice: list[int], line_end: str, ends: bool, where: bool
) -> None:
    pieces: list[Row] = JSON_ROWS if kind == "jsonl" else [*TEXT_ROWS, *QUOTED] if kind == "csv" else TEXT_ROWS  # type: ignore[assignment]
    rows = [pieces[number % len(pieces)] for number in choice]
    separator = {"csv": ",", "tsv": "\t", "jsonl": ""}[kind]
    first = [separator.join(("url", "caption", "score"))] if kind != "jsonl" else [JSON_ROWS[0][0].format(n="first")]
    lines = [*first, *(row[0].format(n=number, s=separator) for number, row in enumerate(rows))]
    path = folder / f"t.{kind}{packing}"
    path.write_bytes(PACKINGS[packing]((line_end.join(lines) + (line_end if ends else "")).encode()))  # type: ignore[operator]
    rows = [JSON_ROWS[0], *rows] if kind == "jsonl" else rows
    if kind == "tsv":  # a line end always ends a row there: nothing but blanks is no row
        rows = [row if row[0] else ("", 0, 0, None) for row in rows]
    assert counted(path, where="score = 1" if where else "") == expected(rows, where)


captions = st.none() | st.lists(st.none() | st.sampled_from(["a cat", "", " "]), max_size=3)
urls = st.none() | st.sampled_from(["http://h/1", "http://h/b c", "ftp://x", "", "http://u:p@h/"])


@settings(max_examples=25)
@given(
    st.lists(st.tuples(urls, captions, st.none() | st.integers(0, 2)), min_size=1, max_size=20), st.integers(1, 5),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_messy_parquet(folder: Path, rows: list[tuple[Any, Any, Any]], group: int, listed: bool, where: bool) -> None:
    table = pa.table({
        "url": pa.array([url for url, _, _ in rows], pa.string()),
        "caption": pa.array([texts if listed else (texts or [None])[0] for _, texts, _ in rows],
                            pa.list_(pa.string()) if listed else pa.string()),
        "score": pa.array([score for _, _, score in rows], pa.int64()),
    })  # fmt: skip
    pq.write_table(table, folder / "t.parquet", row_group_size=group)
    kept = [
        (url, (texts or [None]) if listed else (texts or [None])[:1])
        for url, texts, score in rows
        if not where or score == 1
    ]
    fine = {"http://h/1", "http://h/b c"}
    good = sum(url in fine and bool((text or "").strip()) for url, texts in kept for text in texts)
    total = sum(len(texts) for _, texts in kept)
    left_out = sum(where and score != 1 for _, _, score in rows)
    assert counted(folder / "t.parquet", where="score = 1" if where else "") == (good, total - good, left_out)


def written(table: pa.Table, path: Path) -> Path:
    """Write (URL, TEXT) rows by other means than this project's."""
    rows = table.select(["URL", "TEXT"]).to_pylist()
    kind, _, packing = path.name.partition(".")[2].partition(".")
    if kind == "parquet":
        pq.write_table(table, path, row_group_size=700)
        return path
    sink = io.StringIO(newline="")
    if kind == "jsonl":
        sink.write("".join(json.dumps(row) + "\n" for row in rows))
    else:
        style: dict[str, Any] = (
            {"delimiter": "\t", "quoting": csv.QUOTE_NONE, "quotechar": None} if kind == "tsv" else {}
        )
        writer = csv.writer(sink, lineterminator="\n", **style)
        writer.writerow(["URL", "TEXT"])
        writer.writerows([row["URL"], " ".join((row["TEXT"] or "").split())] for row in rows)
    path.write_bytes(PACKINGS["." + packing if packing else ""](sink.getvalue().encode()))  # type: ignore[operator]
    return path


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.tsv", "t.jsonl", "t.csv.gz", "t.jsonl.zst"])
def test_rows_of_a_laion_table(tmp_path: Path, shared_data: Path, name: str) -> None:
    table = pq.read_table(shared_data / "captions" / "test_10000.parquet")
    write_queries(tmp_path / "queries", ["the", "of", "dog", "photo"])
    config = CollectConfig(
        input=str(written(table, tmp_path / name)), queries=f"{tmp_path}/queries", output=f"{tmp_path}/candidates"
    )
    counts = run_collect(config, [])["summary"]["counts"]
    texts = [" ".join((text or "").split()) for text in table["TEXT"].to_pylist()]
    assert counts["records"] == len(texts) == 10_000
    assert counts["records"] == counts["rejected"] + counts["dropped"] + counts["duplicates"] + counts["candidates"]
    urls = table["URL"].to_pylist()
    assert counts["rejected"] == sum(
        not (text and url.startswith("http")) for text, url in zip(texts, urls, strict=True)
    )
    assert counts["rejected"] > 0  # one URL there is the word "UNLIKELY"
    assert counts["candidates"] > 1_000
