"""Rows of small CSVs, and files that are none."""

from pathlib import Path

import pytest

from trainer.evaluate.csv_rows import read_rows


def test_rows_have_their_lines(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text('\ufeffpath,age\na,1\n"b\nc",2\n\nd\n')
    found = read_rows(str(tmp_path / "l.csv"), "--images")
    assert found.names == ["path", "age"]
    assert found.rows == [
        (2, {"path": "a", "age": "1"}), (4, {"path": "b\nc", "age": "2"}), (6, {"path": "d", "age": None}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line"),
    [("path,age\na,1\nb,\"" + "x\n" * 100_000, 3), ('"' + "x" * 200_000, 1)],
    ids=["quote-never-closed", "first-line"],
)  # fmt: skip
def test_what_is_no_row_is_named_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(
        ValueError, match=rf"^--images: .*l\.csv, line {line}: expected a row of CSV.*quote never closed"
    ):
        read_rows(str(tmp_path / "l.csv"), "--images")


def test_what_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes(b"path\n\xff\n")
    with pytest.raises(ValueError, match=r"l\.csv: expected UTF-8 text"):
        read_rows(str(tmp_path / "l.csv"), "--images")
    with pytest.raises(FileNotFoundError, match="--images: no such file"):
        read_rows(str(tmp_path / "absent.csv"), "--images")
