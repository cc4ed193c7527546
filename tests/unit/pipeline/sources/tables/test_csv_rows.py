"""Rows of CSV and TSV: what Python's csv module reads, wherever the bytes are cut, whatever is wrong with them."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.sources.source import Broken, ByteRange, Dialect
from pipeline.sources.tables.csv_dialect import read_beginning
from pipeline.sources.tables.csv_rows import cut_csv, read_csv

NAMES = ["a", "b", "c"]
COMMAS, TABS = Dialect(","), Dialect("\t")
SPARK, SPARK_TABS, SPACED = Dialect(",", True), Dialect("\t", True), Dialect(",", False, True)
Found = tuple[list[tuple[object, ...]], list[tuple[int, str | None]]]


@contextmanager
def limits(block: int, cell: int = 1 << 20, row: int = 8 << 20) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.sources.files.byte_ranges.BLOCK_BYTES", block)
        patch.setattr("pipeline.sources.tables.csv_cells.MAX_CELL_BYTES", cell)
        patch.setattr("pipeline.sources.tables.csv_cells.MAX_ROW_BYTES", row)
        yield


def read(
    path: Path, dialect: Dialect = COMMAS, parts: list[ByteRange] | None = None, shown: int | None = None
) -> Found:
    """Return ((number, cells...) of the good rows, (number, `shown` characters) of the broken ones)."""
    rows: list[tuple[object, ...]] = []
    broken: list[tuple[int, str | None]] = []
    for part in parts or [ByteRange()]:
        for item in read_csv(str(path), dialect, NAMES, NAMES, part):
            if isinstance(item, Broken):
                broken.append((item.position, item.value[:shown] if isinstance(item.value, str) else None))
            else:
                columns = [item.table[name].cast("binary").to_pylist() for name in NAMES]
                rows.extend(zip(item.numbers.tolist(), *columns, strict=True))
    return sorted(rows, key=str), sorted(broken)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("csv")


cells = st.text(st.sampled_from('ab",\n\t é'), max_size=6)


@settings(max_examples=40)
@given(st.lists(st.tuples(cells, cells, cells).filter(any), min_size=1), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_what_csv_writes_is_read_as_csv_reads_it(
    folder: Path, table: list[tuple[str, str, str]], line_end: str, quote_all: bool
) -> None:
    sink = io.StringIO(newline="")
    style = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    csv.writer(sink, lineterminator=line_end, quoting=style).writerows(table)
    (folder / "t.csv").write_bytes(sink.getvalue().encode())
    expected = [(number, *(cell.encode() or None for cell in row)) for number, row in enumerate(table)]
    with limits(block=7):
        assert read(folder / "t.csv") == (sorted(expected, key=str), [])


PIECES = [*'",\t \\', "\n", "\r", "\r\n", "x", "yz", '""', '"x"', '"\n', "a,b,c\n", '"a\n",b,"c"\n', '\\"']
hostile = st.lists(st.sampled_from(PIECES), max_size=40).map(lambda pieces: "".join(pieces).encode())


@settings(max_examples=100)
@given(
    hostile, st.sampled_from([COMMAS, TABS, SPARK, SPARK_TABS, SPACED]), st.integers(1, 30), st.integers(1, 30),
    st.integers(4, 12),
)  # fmt: skip
@example(b'x,"\nyz', COMMAS, 1, 3, 4)
@example(b'"x\t\r', TABS, 1, 1, 4)
def test_neither_blocks_nor_cuts_change_what_is_read(
    folder: Path, data: bytes, dialect: Dialect, block: int, split: int, cell: int
) -> None:
    path = folder / "hostile.csv"
    path.write_bytes(data)
    with limits(block=1 << 20, cell=cell, row=3 * cell):
        whole = read(path, dialect, shown=cell)  # the limits' least: more of a row need not be at hand
    with limits(block=block, cell=cell, row=3 * cell):
        parts = cut_csv(str(path), dialect, 0, split)
        assert [part.end for part in parts[:-1]] == [part.begin for part in parts[1:]]
        assert read(path, dialect, shown=cell) == whole
        assert read(path, dialect, parts, shown=cell) == whole


def test_an_open_quote_costs_its_row_and_no_other(folder: Path) -> None:
    (folder / "t.csv").write_text('1,2,3\n4,"5,6\n7,8,9\n' + "x,y,z\n" * 20)
    with limits(block=16, cell=30):
        rows, broken = read(folder / "t.csv")
    assert broken == [(1, '4,"5,6')]
    assert [row[0] for row in rows if row[1] != b"x"] == [0, 2]
    assert len(rows) == 22


def test_an_endless_row_is_one_rejection(folder: Path) -> None:
    (folder / "t.csv").write_text("1,2,3\n" + "x" * 5000 + "\n7,8,9\n")
    with limits(block=64, row=1000):
        rows, broken = read(folder / "t.csv")
    assert [row[0] for row in rows] == [0, 2]
    assert [(number, len(text or "")) for number, text in broken] == [(1, 1000)]


def test_quotes_in_a_tsv_are_text_unless_they_hold_the_whole_cell(folder: Path) -> None:
    lines = ['"Hi" he said\t5" disk\t"', '"a\tb"\t"say ""x"""\tc', '"open\t\'\t"x"y']
    (folder / "t.tsv").write_text("\n".join(lines))
    assert read(folder / "t.tsv", TABS) == (
        [
            (0, b'"Hi" he said', b'5" disk', b'"'),
            (1, b"a\tb", b'say "x"', b"c"),
            (2, b'"open', b"'", b'"x"y'),
        ],
        [],
    )


def test_the_first_row_ends_where_its_line_does(folder: Path) -> None:
    (folder / "t.csv").write_bytes(b'\xef\xbb\xbfurl,"cap\ntion"\r\nhttp://a,b\n')
    with limits(block=3):
        found = read_beginning(str(folder / "t.csv"), ",")
        assert (found.cells, found.begin, found.behind, found.dialect) == (["url", "cap\ntion"], 3, 19, COMMAS)
    (folder / "t.csv").write_bytes(b"\n\n")
    with pytest.raises(EOFError):
        read_beginning(str(folder / "t.csv"), ",")
    (folder / "t.csv").write_bytes(b"\xff,b\n")
    with pytest.raises(UnicodeDecodeError):
        read_beginning(str(folder / "t.csv"), ",")


def spark_cell(text: str) -> str:
    """Return a cell as Spark writes it: quoted where it has to be, quotes and backslashes in it escaped."""
    if not any(character in text for character in '",\n\r') and text == text.strip():
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


spark_texts = st.text(st.sampled_from('ab",\\\n é'), max_size=8)


@settings(max_examples=60)
@given(st.lists(st.tuples(spark_texts, spark_texts, st.just("x")), min_size=1, max_size=9))
def test_what_spark_writes_is_read_as_spark_reads_it(folder: Path, table: list[tuple[str, str, str]]) -> None:
    (folder / "spark.csv").write_bytes("".join(",".join(map(spark_cell, row)) + "\n" for row in table).encode())
    expected = [(number, *(cell.encode() or None for cell in row)) for number, row in enumerate(table)]
    with limits(block=5):
        assert read(folder / "spark.csv", SPARK) == (sorted(expected, key=str), [])


@pytest.mark.parametrize(
    "captions",
    [
        pytest.param(['say \\"hi\\" now'], id="a quote in the middle"),
        pytest.param(['a tv, 32\\"', 'a tv, 40\\"'], id="quotes at the end"),
        pytest.param(['\\"Heroes\\"', "a\\\\b, c"], id="quotes around, a backslash"),
        pytest.param(["no quote"] * 50 + ['she said \\"hi\\", twice'], id="a comma behind a quote"),
    ],
)
def test_spark_is_told_by_its_quotes(folder: Path, captions: list[str]) -> None:
    rows = [f'http://a/{number},"{caption}"\n' for number, caption in enumerate(captions)]
    (folder / "t.csv").write_text("".join(["url,caption\n", *rows]))
    assert read_beginning(str(folder / "t.csv"), ",").dialect == SPARK
    assert read_beginning(str(folder / "t.csv"), ",", "quote").dialect == COMMAS


@pytest.mark.parametrize("cell", ['"C:\\dir\\"', '"5"" disk"', 'a\\"b', '"a\\b"', '"he said ""C:\\"""'])
def test_a_backslash_alone_makes_no_spark(folder: Path, cell: str) -> None:
    (folder / "t.csv").write_text(f"url,caption\nhttp://a,{cell}\nhttp://b,{cell}\n")
    assert read_beginning(str(folder / "t.csv"), ",").dialect == COMMAS


def test_a_cell_of_sparks_in_another_file_is_a_rejection_and_no_other_text(folder: Path) -> None:
    (folder / "t.csv").write_text('1,"say \\"hi\\" now",3\n4,"a ""b"" c",6\n')
    assert read(folder / "t.csv") == ([(1, b"4", b'a "b" c', b"6")], [(0, '1,"say \\"hi\\" now",3')])


def test_blanks_behind_commas_count_where_the_header_has_none(folder: Path) -> None:
    (folder / "t.csv").write_text('url, caption ,n\nhttp://a, "a cat, red",  7\n')
    found = read_beginning(str(folder / "t.csv"), ",")
    assert (found.cells, found.dialect) == (["url", "caption", "n"], SPACED)
    part = ByteRange(found.behind)
    assert read(folder / "t.csv", found.dialect, [part]) == ([(0, b"http://a", b"a cat, red", b"7")], [])
    (folder / "t.csv").write_text("url,caption\nhttp://a, b\n")
    assert read_beginning(str(folder / "t.csv"), ",").dialect == COMMAS


@pytest.mark.parametrize("delimiter", [",", "\t"], ids=["csv", "tsv"])
@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"], ids=["cr", "crlf", "lf"])
@pytest.mark.parametrize("caption", ["a cat", '"a\ncat"'], ids=["plain", "lf-inside"])
def test_lines_that_end_in_cr_alone_are_named(folder: Path, delimiter: str, end: str, caption: str) -> None:
    rows = [delimiter.join(("url", "caption")), *(delimiter.join((f"http://a/{n}", caption)) for n in range(3))]
    (folder / "t.csv").write_bytes((end.join(rows) + end).encode())
    if end == "\r":
        with pytest.raises(ValueError, match=r"t\.csv: expected lines that end in LF or CR LF, found CR alone"):
            read_beginning(str(folder / "t.csv"), delimiter)
    else:
        assert read_beginning(str(folder / "t.csv"), delimiter).cells == ["url", "caption"]


def test_a_stray_cr_in_a_cell_is_no_line_end(folder: Path) -> None:
    (folder / "t.csv").write_bytes(b"http://a/1,a cat\rand a dog\nhttp://a/2,b\n")
    assert read_beginning(str(folder / "t.csv"), ",").cells == ["http://a/1", "a cat\rand a dog"]
