"""Tables beside a folder's main one lie in ``tables/``, so that ``*.parquet`` of a folder is one table.

Until 1.3 they lay in the folder itself; there they are still found.
"""

from schemas.storage import Folder

TABLES_DIR = "tables"
FILES_NAME, QUERIES_NAME, QUERY_COUNTS_NAME = "files.parquet", "queries.parquet", "query_counts.parquet"
NOT_REFILLABLE_NAME = "not_refillable.parquet"


def side_table(name: str) -> str:
    """Return where table `name` is written."""
    return f"{TABLES_DIR}/{name}"


def find_side_table(folder: Folder, name: str) -> str:
    """Return where table `name` lies in `folder`, perhaps of an older minor version."""
    return side_table(name) if folder.exists(side_table(name)) else name
