"""Rows of a small CSV that a user wrote, by the names in its first line, each with its line's number."""

import csv
import io
from pathlib import Path


def read_rows(path: str, option: str) -> "csv.DictReader[str]":
    """Return a reader of a file in memory. Raises FileNotFoundError, or ValueError for what is no UTF-8 text."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"{option}: no such file {path!r}")
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{option}: {path}: expected UTF-8 text, {error}") from error
    return csv.DictReader(io.StringIO(text))
