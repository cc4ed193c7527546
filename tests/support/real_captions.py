"""Captions of LAION, of the tables in ../shared/data."""

from pathlib import Path

import pyarrow.parquet as pq


def real_captions(shared_data: Path, table: str = "test_1000.parquet") -> list[str]:
    """Return the captions that are not empty, in the order of the table."""
    texts = pq.read_table(shared_data / "captions" / table, columns=["TEXT"])["TEXT"].to_pylist()
    return [text for text in texts if text]
