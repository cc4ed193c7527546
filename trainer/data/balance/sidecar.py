"""Which queries the captions of a shard's samples match: from the table beside the tar.

In: a tar's row in the index and the Parquet file of its name. Out: for each sample, in the tar's order, a range of
query numbers. Only the columns that are needed are read; of a remote file by range requests.
"""

import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.buffers import ID, one_chunk, words_from_ids
from schemas.candidate import QUERY_IDS
from schemas.checked import check_indices, first_line
from schemas.sample import STATUS_SUCCESS
from schemas.shard_index import STRIDE
from schemas.shards_folder import TABLE_SUFFIX, TAR_SUFFIX
from schemas.storage import Folder
from schemas.stored_ids import from_stored
from schemas.tables import naming_parquet
from schemas.tar_samples import TarSamples

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

HEAD_BYTES = 4096
"""Of a sample: its first header is in them, with one for a long name."""

_TYPES = {
    "status": pa.string(),
    "key": pa.string(),
    "image_id": ID,
    "query_ids": pa.list_(QUERY_IDS),
}


@dataclass(frozen=True)
class TarQueries:
    """The queries of a tar's samples: those of sample i are ``ids[starts[i] : starts[i + 1]]``."""

    starts: Int64s
    ids: Int32s
    """Numbers of queries; one in two captions of a sample is there twice."""
    images: npt.NDArray[np.uint64]
    """First half of each sample's image_id; empty when it was not asked for."""


@dataclass(frozen=True)
class IndexedTar:
    """What the index knows of a tar."""

    folder: Folder
    name: str
    samples: int
    last_offset: int
    """Where the last sample begins whose place is a multiple of `STRIDE`."""

    @property
    def sidecar(self) -> str:
        return self.name.removesuffix(TAR_SUFFIX) + TABLE_SUFFIX


def read_sidecar(tar: IndexedTar, numbers: Int32s, *, with_images: bool, check_key: bool) -> TarQueries:
    """Return the queries of a tar's samples; `numbers` are those of the folder's query ids.

    Raises ValueError that names the file when it has not a row for each sample, or (`check_key`, one more read) another
    key than the tar: the sidecar is of another tar.
    """
    where = tar.folder.path(tar.sidecar)
    names = ["status", "query_ids", *(["image_id"] if with_images else []), *(["key"] if check_key else [])]
    table = _columns(tar.folder, tar.sidecar, names)
    table = table.filter(pc.equal(table["status"], STATUS_SUCCESS))
    if len(table) != tar.samples:
        raise ValueError(
            f"{where}: {len(table)} rows of status success, {tar.name} has {tar.samples} samples; expected the same: "
            "the sidecar is of another tar, or the tar is damaged; download the shard again"
        )
    if check_key and tar.samples:
        _check_key(tar, table["key"], where)
    starts, ids = flat_queries(table["query_ids"], numbers, where)
    images = words_from_ids(table["image_id"])[:, 0] if with_images else np.empty(0, dtype=np.uint64)
    return TarQueries(starts, ids, images)


def flat_queries(column: pa.ChunkedArray, numbers: Int32s, where: str) -> tuple[Int64s, Int32s]:
    """Return (starts[rows + 1], numbers) of a column of lists, one a caption, of lists of query ids.

    Raises ValueError that names `where` for a null, or an id that no query has.
    """
    rows = cast(pa.ListArray, one_chunk(column))
    captions = cast(pa.ListArray, rows.flatten())
    if rows.null_count or captions.null_count:
        raise ValueError(f"{where}: query_ids must have a list for each caption, found nulls; make the folder again")
    ids = captions.flatten()
    check_indices(ids, len(numbers), where, "query ids")
    of_caption = np.append(np.int64(0), np.cumsum(pc.list_value_length(captions).to_numpy(zero_copy_only=False)))
    of_row = np.append(np.int64(0), np.cumsum(pc.list_value_length(rows).to_numpy(zero_copy_only=False)))
    return of_caption[of_row].astype(np.int64), numbers[ids.to_numpy(zero_copy_only=False)]


def check_columns(folder: Folder, name: str) -> None:
    """Raise ValueError that names a sidecar without the columns of queries: of another tool, it has no counts."""
    _columns(folder, name, ["status", "query_ids", "key"], rows=False)


def _columns(folder: Folder, name: str, names: Sequence[str], rows: bool = True) -> pa.Table:
    """Return some columns of a Parquet file, in the types of memory."""
    where = folder.path(name)
    with naming_parquet(where):
        with _source(folder, where) as source, pq.ParquetFile(source, pre_buffer=False) as file:
            found = file.schema_arrow
            for column in names:
                if column not in found.names:
                    raise ValueError(
                        f"{where}: no column {column!r}, so a cap has no counts; expected a folder made by pipeline "
                        "download, or train without --balance"
                    )
            # Not Arrow's threads: this runs in many of our own, and Arrow's must not need the interpreter as it ends.
            table = file.read(columns=list(names), use_threads=False) if rows else found.empty_table().select(names)
    wanted = pa.schema([pa.field(column, _TYPES[column]) for column in names])
    try:
        return from_stored(table.select(list(names)), wanted).cast(wanted)
    except (pa.ArrowException, ValueError) as error:
        told = ", ".join(f"{field.name} {field.type}" for field in wanted)
        raise ValueError(f"{where}: expected columns {told}: {first_line(error)}") from None


def _source(folder: Folder, path: str) -> pa.NativeFile:
    if folder.local:
        return pa.OSFile(path, mode="r")
    raw = folder.fs.open(path, "rb", cache_type="none")  # with a cache each small read fetches megabytes
    return pa.PythonFile(raw, mode="r")


def _check_key(tar: IndexedTar, keys: pa.ChunkedArray, where: str) -> None:
    """Compare the key of one sample, as far back as the index knows where it begins."""
    found = _key_at(tar)
    noted = keys[(tar.samples - 1) // STRIDE * STRIDE].as_py()
    if found is not None and found != noted:
        raise ValueError(
            f"{where}: key {noted!r} stands where {tar.name} has {found!r}; expected a row for each sample in the "
            "tar's order: the sidecar is of another tar; download the shard again"
        )


def _key_at(tar: IndexedTar) -> str | None:
    """Return the key of the sample at `last_offset`; None where its header cannot be read alone."""
    path = tar.folder.path(tar.name)
    head = bytes(tar.folder.fs.cat_file(path, start=tar.last_offset, end=tar.last_offset + HEAD_BYTES))
    try:
        sample = next(iter(TarSamples(io.BytesIO(head))), None)
    except tarfile.TarError:
        return None
    return sample.key.rpartition("/")[2] if sample is not None else None
