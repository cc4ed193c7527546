"""How a CSV is written is told from its beginning."""

from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.sources.source import Dialect
from pipeline.sources.tables.csv_dialect import read_beginning

SPARK = b'url,caption\nu,"a 5\\" disk, red"\nv,"x"\n'
PLAIN = b'url,caption\nu,"C:\\"\nv,"a ""b"""\n'


def beginning(
    tmp_path: Path, data: bytes, delimiter: str = ",", escape: str = "auto"
) -> tuple[list[str], int, int, Dialect]:
    (tmp_path / "a.csv").write_bytes(data)
    found = read_beginning(str(tmp_path / "a.csv"), delimiter, escape)  # type: ignore[arg-type]
    return found.cells, found.begin, found.behind, found.dialect


def test_a_mark_is_no_part_of_the_first_cell(tmp_path: Path) -> None:
    assert beginning(tmp_path, b"\xef\xbb\xbfurl , caption\nu, c\n") == (
        ["url", "caption"], 3, 17, Dialect(",", skips_space=True)
    )  # fmt: skip


@pytest.mark.parametrize(("data", "backslash"), [(SPARK, True), (PLAIN, False), (b"a,b\nc,d\n", False)], ids=range(3))
def test_backslashes_escape_where_the_rows_come_out_better_so(tmp_path: Path, data: bytes, backslash: bool) -> None:
    assert beginning(tmp_path, data)[3].backslash == backslash


def test_the_option_says_it_otherwise(tmp_path: Path) -> None:
    assert not beginning(tmp_path, SPARK, escape="quote")[3].backslash
    assert beginning(tmp_path, PLAIN, escape="backslash")[3].backslash
    assert not beginning(tmp_path, SPARK, "\t")[3].backslash


def test_a_first_cell_in_quotes_may_hold_line_ends(tmp_path: Path) -> None:
    cells, begin, behind, _ = beginning(tmp_path, b'"a\nb",c\nd,e\n')
    assert (cells, begin, behind) == (["a\nb", "c"], 0, 8)


def test_lines_of_an_old_mac_are_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.csv: expected lines that end in LF or CR LF, found CR alone"):
        beginning(tmp_path, b"url,caption\ru,c\rv,d\r")
    assert beginning(tmp_path, b"url,caption\r\nu,c\r\n")[0] == ["url", "caption"]


@pytest.mark.parametrize(
    ("data", "error"), [(b"", EOFError), (b"\xff,b\nc,d\n", UnicodeDecodeError), (b'"' + b"x" * 100, pa.ArrowInvalid)],
    ids=["empty", "no UTF-8", "no end"],
)  # fmt: skip
def test_what_has_no_first_row_is_damage(tmp_path: Path, data: bytes, error: type[BaseException]) -> None:
    with pytest.raises(error):
        beginning(tmp_path, data)
