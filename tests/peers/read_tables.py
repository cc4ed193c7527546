"""Run by an environment of peers: Parquet files in, the rows that each reader finds in each out, as JSON.

Nothing is told to a reader but the file: no column types, no options.
"""

import json
import sys

import duckdb
import pandas
import polars
from datasets import load_dataset


def rows_of_datasets(name: str) -> int:
    """Return the rows of a file; a data set without any is refused by `datasets` itself."""
    try:
        return len(list(load_dataset("parquet", data_files=name, split="train")))
    except ValueError as error:
        if "corresponds to no data" not in str(error):
            raise
        return 0


def main() -> None:
    """Read the files named by the arguments."""
    rows = {}
    for name in sys.argv[1:]:
        streamed = load_dataset("parquet", data_files=name, split="train", streaming=True)
        rows[name] = {
            "pandas": len(pandas.read_parquet(name)),
            "duckdb": len(duckdb.sql(f"SELECT * FROM '{name}'").fetchall()),
            "polars": len(polars.read_parquet(name)),
            "datasets": rows_of_datasets(name),
            "datasets, streamed": sum(1 for _ in streamed),
        }
    print(json.dumps(rows))


main()
