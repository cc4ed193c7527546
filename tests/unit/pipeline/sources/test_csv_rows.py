"""Rows of CSV and TSV: what Python's csv module reads, wherever the bytes are cut, whatever is wrong with them."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.sources.csv_rows import cut_csv, first_row, read_csv
from pipeline.sources.source import Broken, ByteRange

NAMES = ["a", "b", "c"]
Found = tuple[list[tuple[object, ...]], list[tuple[int, str | None]]]


@contextmanager
def limits(block: int, cell: int = 1 << 20, row: int = 8 << 20) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.sources.byte_ranges.BLOCK_BYTES", block)
        patch.setattr("pipeline.sources.csv_cells.MAX_CELL_BYTES", cell)
        patch.setattr("pipeline.sources.csv_cells.MAX_ROW_BYTES", row)
        yield


def read(path: Path, delimiter: str = ",", parts: list[ByteRange] | None = None, shown: int | None = None) -> Found:
    """Return ((number, cells...) of the good rows, (number, `shown` characters) of the broken ones)."""
    rows: list[tuple[object, ...]] = []
    broken: list[tuple[int, str | None]] = []
    for part in parts or [ByteRange()]:
        for item in read_csv(str(path), delimiter, NAMES, NAMES, part):
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


hostile = st.lists(
    st.sampled_from(['"', '""', "\n", "\r\n", "\r", ",", "\t", "x", "yz", '"x"', '"\n', "a,b,c\n", '"a\n",b,"c"\n']),
    max_size=40,
).map(lambda pieces: "".join(pieces).encode())


@settings(max_examples=100)
@given(hostile, st.sampled_from([",", "\t"]), st.integers(1, 30), st.integers(1, 30), st.integers(4, 12))
@example(b'x,"\nyz', ",", 1, 3, 4)
@example(b'"x\t\r', "\t", 1, 1, 4)
def test_neither_blocks_nor_cuts_change_what_is_read(
    folder: Path, data: bytes, delimiter: str, block: int, split: int, cell: int
) -> None:
    path = folder / "hostile.csv"
    path.write_bytes(data)
    with limits(block=1 << 20, cell=cell, row=3 * cell):
        whole = read(path, delimiter, shown=cell)  # the limits' least: more of a row need not be at hand
    with limits(block=block, cell=cell, row=3 * cell):
        parts = cut_csv(str(path), delimiter, 0, split)
        assert [part.end for part in parts[:-1]] == [part.begin for part in parts[1:]]
        assert read(path, delimiter, shown=cell) == whole
        assert read(path, delimiter, parts, shown=cell) == whole


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
    assert read(folder / "t.tsv", "\t") == (
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
        assert first_row(str(folder / "t.csv"), ",") == (["url", "cap\ntion"], 3, 19)
    (folder / "t.csv").write_bytes(b"\n\n")
    with pytest.raises(EOFError):
        first_row(str(folder / "t.csv"), ",")
    (folder / "t.csv").write_bytes(b"\xff,b\n")
    with pytest.raises(UnicodeDecodeError):
        first_row(str(folder / "t.csv"), ",")
