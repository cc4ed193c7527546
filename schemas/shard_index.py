"""The index of a folder of shards: how many samples each tar has, and where every `STRIDE`-th begins.

Written by ``pipeline download`` beside its shards and by ``pipeline index`` for the folders of others; with it a
trainer knows the order of 400 million samples from 60 MB, and reads any block of neighbours with one request. What is
in a block its own headers say.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.arrow_types import schema_of, values_of
from schemas.buffers import one_chunk
from schemas.file_part import FilePart
from schemas.kernels.tar_headers import IMAGE_BYTES, KEY_HASH, OFFSET
from schemas.storage import UNKNOWN_SIZE
from schemas.tar_contents import TarContents, key_of

STRIDE = 32
"""Blocks begin at a multiple of it: 12.5 million offsets for 400 million samples, 3 bytes each in Parquet."""

ROWS_A_GROUP = 128
"""Of the index, a row group: what is in memory of the offsets at a time, 0.3 MB with 10,000 samples a tar."""

INDEX_NAME = "shard_index.parquet"
"""In ``tables/`` of a folder of ours, in a folder of others itself."""

SHARD_INDEX = schema_of(
    [
        pa.field("tar", pa.string(), nullable=False),
        pa.field("tar_bytes", pa.int64(), nullable=False),
        pa.field("samples", pa.int32(), nullable=False),
        pa.field("image_bytes", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("offsets", pa.list_(pa.int64()), nullable=False),
        pa.field("left_out", pa.int32(), nullable=False),
        pa.field("passed_over", pa.int32(), nullable=False),
        pa.field("is_whole", pa.bool_(), nullable=False),
        pa.field("example", pa.string(), nullable=False),
    ]
)
"""A row a tar, by name. A sample is a key with an image (`schemas/tar_contents.py`); offsets are those of the first
header of samples 0, `STRIDE`, 2 `STRIDE`, ...; end is where the last member ends. left_out counts keys without a usable
image, passed_over members that belong to no key; example names one of them."""


def index_row(name: str, contents: TarContents, part: FilePart) -> pa.Table:
    """Return the row of tar `name`. Raises ValueError that names a key which two of its samples have."""
    samples = contents.samples
    hashes = np.sort(samples[:, KEY_HASH])
    if len(repeated := hashes[1:][hashes[1:] == hashes[:-1]]):
        first, second = np.flatnonzero(samples[:, KEY_HASH] == repeated[0])[:2]
        keys = {key_of(part, samples[first]), key_of(part, samples[second])}
        if len(keys) == 1:
            raise ValueError(
                f"{part.where}: expected each key once, two samples have {keys.pop()!r}; members of a key stand side "
                "by side"
            )
    row = {
        "tar": name,
        "tar_bytes": len(part),
        "samples": len(samples),
        "image_bytes": int(samples[:, IMAGE_BYTES].sum()),
        "end": contents.end,
        "left_out": contents.left_out.total(),
        "passed_over": contents.passed_over.total(),
        "is_whole": contents.is_whole,
        "example": contents.example,
    }
    return _with_offsets(row, samples[::STRIDE, OFFSET])


def _with_offsets(row: dict[str, Any], offsets: npt.NDArray[np.int64]) -> pa.Table:
    found = pa.array(np.ascontiguousarray(offsets))
    columns = {name: pa.array([value]) for name, value in row.items()}
    columns["offsets"] = pa.ListArray.from_arrays(pa.array([0, len(found)], pa.int32()), found)
    return pa.Table.from_arrays([columns[field.name].cast(field.type) for field in SHARD_INDEX], schema=SHARD_INDEX)


def text_of_offsets(offsets: npt.NDArray[np.int64]) -> str:
    """Return offsets as a JSON file keeps them: one text with blanks between, not an object for each in memory."""
    return " ".join(map(str, offsets.tolist()))


def row_to_json(row: pa.Table) -> dict[str, Any]:
    """Return a table of one row as a JSON object."""
    found: dict[str, Any] = row.drop_columns(["offsets"]).to_pylist()[0]
    return {**found, "offsets": text_of_offsets(cast(pa.ListArray, one_chunk(row["offsets"])).flatten().to_numpy())}


def row_from_json(row: dict[str, Any], where: str) -> pa.Table:
    """Return the table of a row that `row_to_json` gave. Raises ValueError that names `where` for any other."""
    text = row.get("offsets")
    try:
        offsets = np.array(text.split(), dtype=np.int64)  # type: ignore[union-attr]
        return _with_offsets({name: row[name] for name in SHARD_INDEX.names if name != "offsets"}, offsets)
    except (AttributeError, ValueError, OverflowError, LookupError, pa.ArrowException) as error:
        raise ValueError(f"{where}: expected a row of a shard index, {error}; the file is damaged") from None


@dataclass(frozen=True)
class IndexedTars:
    """The index of some tars, as arrays."""

    names: pa.Array
    tar_bytes: npt.NDArray[np.int64]
    samples: npt.NDArray[np.int64]
    image_bytes: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    offset_starts: npt.NDArray[np.int64]
    """Where the offsets of each tar begin in `offsets`."""
    offsets: npt.NDArray[np.int64]

    def begins(self, tars: npt.NDArray[np.integer], places: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Return the offset of the sample at each place (a multiple of `STRIDE`) of each tar; behind all the end."""
        tars = np.asarray(tars, dtype=np.int64)
        at = self.offset_starts[tars] + np.asarray(places, dtype=np.int64) // STRIDE
        behind = np.asarray(places) >= self.samples[tars]
        at[behind] = 0
        found = self.offsets[at] if len(self.offsets) else np.zeros(len(at), dtype=np.int64)
        found[behind] = self.ends[tars[behind]]
        return found


def as_arrays(index: pa.Table) -> IndexedTars:
    """Return the columns of an index that reading needs."""
    offsets = cast(pa.ListArray, one_chunk(index["offsets"]))
    lengths = pc.list_value_length(offsets).to_numpy(zero_copy_only=False).astype(np.int64)
    columns = {name: one_chunk(index[name]).to_numpy() for name in ("tar_bytes", "samples", "image_bytes", "end")}
    return IndexedTars(
        one_chunk(index["tar"]),
        columns["tar_bytes"],
        columns["samples"].astype(np.int64),
        columns["image_bytes"],
        columns["end"],
        np.cumsum(lengths) - lengths,
        offsets.flatten().to_numpy(),
    )


def check_index(index: pa.Table, where: str) -> None:
    """Raise ValueError that names the tar when a row cannot be that of a tar, or stands before its name's place."""
    names = one_chunk(index["tar"])
    later = pc.less_equal(names[1:], names[:-1])
    if pc.any(later).as_py():
        at = pc.index(later, True).as_py()
        raise ValueError(
            f"{where}: expected a row a tar, by name, found {names[at + 1]} behind {names[at]}; make the index again "
            "with pipeline index"
        )
    arrays = as_arrays(index)
    lengths = np.diff(np.append(arrays.offset_starts, len(arrays.offsets)))
    falls = np.flatnonzero(np.diff(arrays.offsets) <= 0) + 1  # allowed where the next tar begins
    inside = np.setdiff1d(falls, arrays.offset_starts)
    last = arrays.offset_starts + np.maximum(lengths, 1) - 1
    wrong = (
        (arrays.samples < 0)
        | (lengths != -(-arrays.samples // STRIDE))
        | (arrays.ends > arrays.tar_bytes)
        | (arrays.image_bytes < 0)
    )
    has = (lengths > 0) & ~wrong
    wrong[has] |= (arrays.offsets[last[has]] >= arrays.ends[has]) | (arrays.offsets[arrays.offset_starts[has]] < 0)
    wrong[np.searchsorted(arrays.offset_starts, inside, side="right") - 1] = True
    for number in np.flatnonzero(wrong)[:1]:
        raise ValueError(
            f"{where}: the row of {arrays.names[number]} is that of no tar: {arrays.samples[number]} samples, "
            f"{lengths[number]} offsets, end {arrays.ends[number]} of {arrays.tar_bytes[number]} bytes; make the index "
            "again with pipeline index"
        )


def check_fits(
    index: pa.Table, files: Iterable[tuple[str, int]], where: str, advice: str = "make it again with pipeline index"
) -> None:
    """Raise ValueError that names the first tar whose size the index has otherwise, or which it does not have."""
    indexed = dict(zip(values_of(index["tar"]), values_of(index["tar_bytes"]), strict=True))
    for name, problem in _misfits(indexed, files):
        raise ValueError(f"{where}: does not fit {name}: {problem}; {advice}")


def _misfits(indexed: dict[str, int], files: Iterable[tuple[str, int]]) -> Iterator[tuple[str, str]]:
    for name, size in files:
        known = indexed.pop(name, None)
        if known is None:
            yield name, "the index does not have it"
        elif size not in (known, UNKNOWN_SIZE):
            yield name, f"{size} bytes, {known} when it was indexed"
    yield from ((name, "the tar is gone") for name in indexed)
