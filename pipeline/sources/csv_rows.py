"""Rows of a CSV or TSV, streamed; a row with the wrong number of fields is broken, the rest is read."""

from collections.abc import Iterator
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from pipeline.sources.source import Broken, Rows

BLOCK_BYTES = 4 << 20
_ROWS_BEFORE_FIRST = 2
"""pyarrow numbers rows from 1 and counts the header."""


def csv_columns(path: str, delimiter: str) -> list[str]:
    """Return the column names in the header line."""
    with fsspec.open(path, "rb", compression="infer") as raw:
        header = pa.BufferReader(raw.readline(BLOCK_BYTES))
    names: list[str] = pa_csv.read_csv(header, parse_options=pa_csv.ParseOptions(delimiter=delimiter)).schema.names
    return names


def read_csv(path: str, delimiter: str) -> Iterator[Rows | Broken]:
    """Yield the rows, every column as text, an empty field null, and the broken rows with their numbers."""
    broken: list[Broken] = []

    def keep_broken(row: Any) -> str:
        broken.append(Broken("row_malformed", row.number - _ROWS_BEFORE_FIRST, row.text))
        return "skip"

    with fsspec.open(path, "rb", compression="infer") as raw:
        reader = pa_csv.open_csv(
            raw,
            read_options=pa_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=delimiter == ",", invalid_row_handler=keep_broken
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in csv_columns(path, delimiter)},
                strings_can_be_null=True,
                null_values=[""],
                check_utf8=False,
            ),
        )
        next_row = 0
        for batch in reader:
            numbers = _good_numbers(next_row, len(batch), [item.position for item in broken])
            if len(batch):
                next_row = int(numbers[-1]) + 1
            yield Rows(pa.Table.from_batches([batch]), numbers)
            yield from (item for item in broken if item.position < next_row)
            broken[:] = [item for item in broken if item.position >= next_row]
        yield from broken


def _good_numbers(first: int, count: int, broken: list[int]) -> np.ndarray:
    """Return the first `count` row numbers from `first` that are not `broken`."""
    numbers = np.arange(first, first + count + len(broken))
    return numbers[~np.isin(numbers, broken)][:count]
