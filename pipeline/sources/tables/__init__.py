"""Tables of URLs: Parquet, CSV, TSV, JSON lines; their columns, conditions on rows, extra columns."""
