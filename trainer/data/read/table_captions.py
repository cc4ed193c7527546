"""Captions of samples from the table beside their tar: a hundredth of the tar's bytes.

In: a Parquet file of `pipeline download` or img2dataset. Out: captions of some of its samples, evenly spread, as their
descriptions in the tar have them (`captions`).
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.buffers import string_buffers
from schemas.kernels.key_hashes import hash_keys
from schemas.removals import Removals, digest_prefix
from schemas.sample import LISTED_CAPTIONS, STATUS_SUCCESS
from schemas.storage import Folder
from schemas.tables import naming_parquet
from trainer.data.read.block_bytes import BlockBytes
from trainer.data.read.captions import texts_of
from trainer.data.read.remote_file import arrow_source

CAPTION, KEY, STATUS, SHA256 = "caption", "key", "status", "sha256"


def has_captions(read: BlockBytes, folder: Folder, name: str) -> bool:
    """Tell whether a table beside a tar has the captions of its samples. Raises ValueError for a damaged one."""
    with naming_parquet(folder.path(name)), arrow_source(read, folder, name) as source:
        schema = pq.ParquetFile(source, pre_buffer=False).schema_arrow
    return {KEY, STATUS} <= set(schema.names) and _caption_column(schema) is not None


def table_captions(
    read: BlockBytes, folder: Folder, name: str, removals: Removals | None, further: Callable[[str], list[str]] | None,
    most_samples: int,
) -> list[str]:  # fmt: skip
    """Return the captions of about `most_samples` samples of a table, of evenly spread ones; removed ones have none.

    Raises ValueError that names a table which is damaged or has no captions.
    """
    where = folder.path(name)
    with naming_parquet(where), arrow_source(read, folder, name) as source:
        file = pq.ParquetFile(source, pre_buffer=False)
        column = _caption_column(file.schema_arrow)
        if column is None or not {KEY, STATUS} <= set(file.schema_arrow.names):
            raise ValueError(f"{where}: no captions, which the folder's first table has; restore it or delete it")
        names = [KEY, STATUS, column, *([SHA256] if removals and SHA256 in file.schema_arrow.names else [])]
        groups = _spread_groups(file.metadata, most_samples)
        # Not Arrow's threads: this runs in many of our own, and Arrow's must not need the interpreter as it ends.
        table = file.read_row_groups(groups, columns=names, use_threads=False)
    table = table.filter(pc.equal(table[STATUS], STATUS_SUCCESS))
    if removals:
        table = table.filter(pa.array(~_removed(table, removals)))
    table = table.take(pa.array(spread(len(table), most_samples)))
    captions: list[str] = []
    for key, listed in zip(table[KEY].to_pylist(), table[column].to_pylist(), strict=True):
        captions += texts_of(listed if isinstance(listed, list) else [listed])
        if further is not None and key is not None:
            captions += further(key)
    return captions


def spread(count: int, most: int) -> npt.NDArray[np.int64]:
    """Return at most `most` of the numbers 0 .. `count` - 1, evenly spread and in order."""
    taken = min(count, max(1, most))
    return np.arange(taken, dtype=np.int64) * count // max(1, taken)


def _caption_column(schema: pa.Schema) -> str | None:
    """Return the column of the captions: the lists, else the first alone."""
    for name, is_of_kind in ((LISTED_CAPTIONS, pa.types.is_list), (CAPTION, pa.types.is_string)):
        if name in schema.names and is_of_kind(schema.field(name).type):
            return name
    return None


def _spread_groups(metadata: pq.FileMetaData, most_rows: int) -> list[int]:
    """Return evenly spread row groups with about `most_rows` rows or more, all where the file has no more."""
    if not metadata.num_row_groups:
        return []
    rows_a_group = max(1, metadata.num_rows // metadata.num_row_groups)
    return [int(group) for group in spread(metadata.num_row_groups, -(-most_rows // rows_a_group))]


def _removed(table: pa.Table, removals: Removals) -> npt.NDArray[np.bool_]:
    """Tell which rows `removals` names, by key or by what the description notes."""
    removed = removals.of_keys(hash_keys(*string_buffers(table[KEY])))
    if SHA256 in table.column_names and len(removals.digests):
        noted = [digest_prefix(digest) if digest else 0 for digest in table[SHA256].to_pylist()]
        digests = np.array(noted, dtype=np.uint64)
        removed = removed | (removals.of_digests(digests) & (digests != 0))
    return removed
