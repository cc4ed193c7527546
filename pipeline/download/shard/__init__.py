"""One shard: its plan in; tar, table, statistics and, at the end of a run, its number out."""
