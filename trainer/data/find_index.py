"""The index of a folder of shards: the one beside them, else the one that was made before, else made now.

In: a folder with tars. Out: a `ShardIndex` with a row for each, checked against their sizes. An index that is made now
is kept in the user's cache under a name that the listing gives.
"""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from schemas.arrow_types import values_of
from schemas.cache_home import cache_home
from schemas.image_files import IMAGE_SUFFIXES
from schemas.manifest import recorded
from schemas.shard_index import INDEX_NAME, SHARD_INDEX, check_fits
from schemas.shards_folder import SIZES_FILE, STATS_SUFFIX, TABLE_SUFFIX, TAR_SUFFIX
from schemas.storage import Folder
from schemas.stored_index import ShardIndex, index_of_table, read_index, write_index
from schemas.tar_index import TarToIndex, tar_row, tars_to_index
from schemas.tar_listing import check_listing, file_marks, index_beside
from trainer.data.made_once import CannotBeKept, make_once
from trainer.telling.reporter import Reporter, Silent

logger = logging.getLogger(__name__)

MANY_BYTES = 50 << 30
"""A remote folder of more is better indexed by `pipeline index`, which many machines do: each tar is read whole."""

SIDECAR_SUFFIXES = (STATS_SUFFIX, TABLE_SUFFIX)
"""Of the files beside a tar that its row is checked against: the row is made again when one of them is another."""
WALK = 2
"""Another one where a tar's row became another: what an earlier version kept is made again. 2 reads behind zeros."""


def find_index(
    folder: Folder,
    sizes: Mapping[str, int],
    threads: int,
    reporter: Reporter | None = None,
    made_in: Folder | None = None,
) -> ShardIndex:
    """Return the index of `folder`, whose tars have `sizes` in bytes; `reporter` shows how far it is, when made now.

    `made_in` is the folder that `pipeline index --output` wrote, where there is one. Raises ValueError that names the
    tar when an index does not fit its tar, `sizes.json` or the list of files the index.
    """
    records = check_listing(folder, sizes)
    name = index_beside(made_in or folder)
    if name:
        record = recorded(made_in, name) if made_in is not None else records.get(name)
        index = read_index(made_in or folder, name, record)
    else:
        index = _kept(folder, sizes, threads, reporter or Silent())
    check_fits(index.rows, sizes.items(), index.where)
    _check_sizes_file(folder, index.rows)
    return index


def _kept(folder: Folder, sizes: Mapping[str, int], threads: int, reporter: Reporter) -> ShardIndex:
    """Return the index that the user's cache has, or put it there: one process of a machine does."""
    marks = file_marks(folder, (TAR_SUFFIX, *SIDECAR_SUFFIXES))
    beside = {name.removesuffix(TAR_SUFFIX) + suffix for name in sizes for suffix in SIDECAR_SUFFIXES}
    looked_at = sorted((name, mark) for name, mark in marks.items() if name.endswith(TAR_SUFFIX) or name in beside)
    listing = json.dumps([WALK, folder.url, list(sizes.items()), looked_at, IMAGE_SUFFIXES])
    cache = Folder(str(cache_home() / "shard_index")).sub(hashlib.sha256(listing.encode()).hexdigest()[:32])
    made: list[pa.Table] = []

    def make(shown: Reporter) -> None:
        made.append(make_index(folder, sizes, threads, shown))
        try:
            write_index(cache, INDEX_NAME, made)
        except OSError as error:
            logger.warning("the index of %s cannot be kept in %s: %s", folder.url, cache.url, error)

    try:
        make_once(cache, INDEX_NAME, make, reporter)
    except CannotBeKept as error:
        logger.warning("the index of %s is not kept: %s", folder.url, error)
        made.append(make_index(folder, sizes, threads, reporter))
    return index_of_table(made[0], folder.url) if made else read_index(cache, INDEX_NAME)


def make_index(folder: Folder, sizes: Mapping[str, int], threads: int, reporter: Reporter | None = None) -> pa.Table:
    """Return the index of the tars of `folder`, read by several threads. Raises ValueError that names a bad tar."""
    reporter, start = reporter or Silent(), time.monotonic()
    known = [size for size in sizes.values() if size > 0]
    if not folder.local and sum(known) > MANY_BYTES:
        logger.warning(
            "%s has no index: its %.1f GB are read once for one; `pipeline index` makes it on many machines",
            folder.url, sum(known) / 1e9,
        )  # fmt: skip
    done, finished, lock = 0, 0, threading.Lock()

    def row_of(tar: TarToIndex) -> pa.Table:
        nonlocal done, finished
        row = tar_row(tar, folder)
        with lock:
            done += row["tar_bytes"][0].as_py()
            finished += 1
            total = sum(known) if len(known) == len(sizes) else done * len(sizes) // finished
            reporter.work("index", done, total)
        return row

    with ThreadPoolExecutor(threads, thread_name_prefix="index") as pool:
        rows = pool.map(row_of, tars_to_index(folder, sizes))
        index = pa.concat_tables([SHARD_INDEX.empty_table(), *rows]).combine_chunks()
    reporter.message(
        f"index of {folder.url}: {len(index):,} tars, {pa.compute.sum(index['samples']).as_py() or 0:,} samples, "
        f"{done / 1e9:.1f} GB in {time.monotonic() - start:.1f} s"
    )
    return index


def _check_sizes_file(folder: Folder, rows: pa.Table) -> None:
    """Raise ValueError where ``sizes.json`` says another number of samples than the index."""
    if not folder.exists(SIZES_FILE):
        return
    noted = folder.read_json(SIZES_FILE)
    for tar, samples in zip(values_of(rows["tar"]), values_of(rows["samples"]), strict=True):
        if isinstance(noted.get(tar), int) and noted[tar] != samples:
            raise ValueError(
                f"{folder.path(SIZES_FILE)}: {noted[tar]} samples in {tar}, the index found {samples}; expected the "
                "same: the tar was written again, download it anew or delete sizes.json"
            )
