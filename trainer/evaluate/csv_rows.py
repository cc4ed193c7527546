"""Rows of a small CSV that a user wrote, by the names in its first line, each with its line's number."""

import csv
import io
from pathlib import Path
from typing import Any, NamedTuple

from schemas.existing_paths import is_file


class CsvRows(NamedTuple):
    """What stands in a file."""

    names: list[str]
    """Of its first line."""
    rows: list[tuple[int, dict[str, Any]]]
    """The number of the line that a row ends in, and its cells by name; None where it is too short."""


def read_rows(path: str, option: str) -> CsvRows:
    """Return the rows of a file, read whole.

    Raises FileNotFoundError, or ValueError that names the file for what is no UTF-8 text, and the line for no row.
    """
    if not is_file(path):
        raise FileNotFoundError(f"{option}: no such file {path!r}")
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{option}: {path}: expected UTF-8 text, {error}") from error
    reader = csv.DictReader(io.StringIO(text))
    first = 1
    try:
        names = list(reader.fieldnames or ())
        rows = []
        first = reader.line_num + 1
        for row in reader:
            rows.append((reader.line_num, row))
            first = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{option}: {path}, line {first}: expected a row of CSV, found none: {error}; is a quote never closed?"
        ) from error
    return CsvRows(names, rows)
