"""What else a shards folder notes of single images: its further tables without the rows of those that are removed.

``tables/decontaminated.parquet`` by key, ``tables/placeholders.parquet`` by the URL that stands as an example: its row
goes with it, as does what it counts.
"""

import numpy as np
import pyarrow as pa

from pipeline.download.content.evaluation_set import DECONTAMINATED, DECONTAMINATED_NAME
from pipeline.download.content.placeholders import PLACEHOLDERS, PLACEHOLDERS_NAME
from pipeline.remove.named import ImageSet
from pipeline.remove.row_groups import row_groups
from schemas.identity import image_ids, normalise_urls
from schemas.recheck import RECHECKS, RECHECKS_DIR
from schemas.rewritten import Rewriting
from schemas.shards_folder import TABLE_SUFFIX
from schemas.storage import FileRecord
from schemas.tables import read_table, write_table, write_tables
from schemas.tables_dir import tables_path

_TABLES = ((DECONTAMINATED_NAME, DECONTAMINATED, "url"), (PLACEHOLDERS_NAME, PLACEHOLDERS, "example"))


def stage_rechecks(rewriting: Rewriting, removed: ImageSet) -> None:
    """Stage the tables of rechecks without the rows of removed images; what they counted stays."""
    for path in rewriting.folder.names(RECHECKS_DIR, TABLE_SUFFIX):
        tables = row_groups(rewriting.folder, FileRecord(path, 0, 0, ""), RECHECKS)
        kept = (table.filter(pa.array(~removed.holds(table["image_id"]))) for table in tables)
        write_tables(rewriting.staged, path, kept, RECHECKS)
        rewriting.placed.append((path, path))


def stage_noted(rewriting: Rewriting, removed: ImageSet) -> list[FileRecord]:
    """Stage those tables of the folder that name a removed image, without it; return their records."""
    staged = []
    for name, schema, column in _TABLES:
        path = tables_path(name)
        if not rewriting.folder.exists(path):
            continue
        table = read_table(rewriting.folder, path, schema)
        normalised, _ = normalise_urls(table[column])
        gone = removed.holds(image_ids(normalised)) if len(table) else np.zeros(0, dtype=np.bool_)
        if gone.any():
            staged.append(write_table(rewriting.staged, path, table.filter(pa.array(~gone)), schema))
    return staged
