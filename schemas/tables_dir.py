"""Tables beside a folder's main one lie in ``tables/``, so that ``*.parquet`` of a folder is one table.

Until 1.3 they lay in the folder itself; there they are still found.
"""

from schemas.storage import Folder

TABLES_DIR = "tables"
FILES_NAME, QUERIES_NAME, QUERY_COUNTS_NAME = "files.parquet", "queries.parquet", "query_counts.parquet"
NOT_REFILLABLE_NAME = "not_refillable.parquet"


def tables_path(name: str) -> str:
    """Return where table `name` is written."""
    return f"{TABLES_DIR}/{name}"


def find_table(folder: Folder, name: str) -> str:
    """Return where table `name` lies in `folder`, perhaps of an older minor version."""
    return tables_path(name) if folder.exists(tables_path(name)) else name
