"""The index of a folder of shards: the one beside them, else the one that was made before, else made now.

In: a folder with tars. Out: a table (`schemas/shard_index.py`) with a row for each, checked against their sizes. An
index that is made now is kept in the user's cache under a name that the listing gives.
"""

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import IO

import pyarrow as pa

from schemas.arrow_types import values_of
from schemas.cache_home import cache_home
from schemas.manifest import MANIFEST_FILE, read_records
from schemas.shard_index import INDEX_NAME, SHARD_INDEX, check_fits, check_index, index_row
from schemas.shards_folder import SIZES_FILE
from schemas.storage import Folder
from schemas.tables import read_table, write_table
from schemas.tables_dir import FILES_NAME, find_table, tables_path
from schemas.tar_contents import mapped, read_contents

logger = logging.getLogger(__name__)

MANY_BYTES = 50 << 30
"""A remote folder of more is better indexed by `pipeline index`, which many machines do: each tar is read whole."""

Progress = Callable[[int], None]


def find_index(folder: Folder, sizes: Mapping[str, int], threads: int, progress: Progress) -> pa.Table:
    """Return the index of `folder`, whose tars have `sizes` in bytes; `progress` gets the bytes of each tar made.

    Raises ValueError that names the tar when an index does not fit its tar, or `sizes.json` the index.
    """
    index, where = _beside(folder)
    if index is None:
        index, where = _kept(folder, sizes, threads, progress)
    check_index(index, where)
    check_fits(index, sizes.items(), where)
    _check_sizes_file(folder, index)
    order = pa.compute.sort_indices(index["tar"])
    return index.take(order)


def _beside(folder: Folder) -> tuple[pa.Table | None, str]:
    name = tables_path(INDEX_NAME)
    if folder.exists(MANIFEST_FILE) and folder.exists(name):
        noted = read_records(folder) if folder.exists(find_table(folder, FILES_NAME)) else {}
        return read_table(folder, name, SHARD_INDEX, record=noted.get(name)), folder.path(name)
    if folder.exists(INDEX_NAME):
        return read_table(folder, INDEX_NAME, SHARD_INDEX), folder.path(INDEX_NAME)
    return None, ""


def _kept(folder: Folder, sizes: Mapping[str, int], threads: int, progress: Progress) -> tuple[pa.Table, str]:
    digest = hashlib.sha256(json.dumps([folder.url, list(sizes.items()), _times(folder)]).encode()).hexdigest()
    cache, name = Folder(str(cache_home() / "shard_index")), f"{digest[:32]}.parquet"
    if cache.exists(name):
        return read_table(cache, name, SHARD_INDEX), cache.path(name)
    index = make_index(folder, sizes, threads, progress)
    try:
        write_table(cache, name, index, SHARD_INDEX)
    except OSError as error:
        logger.warning("the index of %s cannot be kept in %s: %s", folder.url, cache.url, error)
    return index, cache.path(name)


def _times(folder: Folder) -> list[str]:
    """Return what tells a file that was written again with the same size."""
    entries = folder.fs.ls(folder.root, detail=True)
    marks = ("mtime", "LastModified", "ETag", "etag", "generation", "md5Hash")
    return sorted(
        f"{entry['name'].rsplit('/', 1)[-1]} {[str(entry[mark]) for mark in marks if mark in entry]}"
        for entry in entries
        if entry["name"].endswith(".tar")
    )


def make_index(folder: Folder, sizes: Mapping[str, int], threads: int, progress: Progress) -> pa.Table:
    """Return the index of the tars of `folder`, read by several threads. Raises ValueError that names a bad tar."""
    if not folder.local and sum(sizes.values()) > MANY_BYTES:
        logger.warning(
            "%s has no index: its %.1f GB are read once for one; `pipeline index` makes it on many machines",
            folder.url, sum(sizes.values()) / 1e9,
        )  # fmt: skip

    def row_of(name: str) -> pa.Table:
        row = tar_row(folder, name)
        progress(sizes[name])
        return row

    with ThreadPoolExecutor(threads, thread_name_prefix="index") as pool:
        return pa.concat_tables([SHARD_INDEX.empty_table(), *pool.map(row_of, sizes)])


def tar_row(folder: Folder, name: str) -> pa.Table:
    """Return the row of one tar. A remote one is copied to a temporary file first: memory does not grow with it."""
    if folder.local:
        with folder.open(name) as raw:
            return _row(raw, name, folder.path(name))
    with tempfile.TemporaryFile(prefix="webimagetext-") as copy:
        with folder.open(name) as raw:
            while piece := raw.read(8 << 20):
                copy.write(piece)
        copy.flush()
        return _row(copy, name, folder.path(name))


def _row(raw: IO[bytes], name: str, where: str) -> pa.Table:
    with mapped(raw) as data:
        contents = read_contents(data, where)
        if not contents.is_whole:
            logger.warning(
                "%s is cut off or damaged after %d samples; the rest is left out", where, len(contents.samples)
            )
        row = index_row(name, contents, data)
        del data
    return row


def _check_sizes_file(folder: Folder, index: pa.Table) -> None:
    """Raise ValueError where ``sizes.json`` says another number of samples than the index."""
    if not folder.exists(SIZES_FILE):
        return
    noted = folder.read_json(SIZES_FILE)
    for tar, samples in zip(values_of(index["tar"]), values_of(index["samples"]), strict=True):
        if isinstance(noted.get(tar), int) and noted[tar] != samples:
            raise ValueError(
                f"{folder.path(SIZES_FILE)}: {noted[tar]} samples in {tar}, the index found {samples}; expected the "
                "same: the tar was written again, download it anew or delete sizes.json"
            )
