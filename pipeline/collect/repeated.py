"""Captions that occur with more images than allowed: counted over hashes, exactly, in bounded memory.

A caption's images are a set of image_ids. Of it only the ``limit + 1`` lowest are ever kept: a set has more than
``limit`` members exactly if that many are left, and the lowest of a union are among the lowest of its parts. So a
caption that stands beside a billion images is as small as one beside ``limit + 1``, in each part and in each partition.

::

    part:       (caption, image) rows  -> per caption its limit + 1 lowest images ->  caption's partition
    partition:  union of those         -> captions with limit + 1 images          ->  repeated/NNNNN.parquet
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.collect.deduplicate import COMPACT_BYTES
from schemas.arrow_types import schema_of
from schemas.buffers import ID, ids_from_words, sortable_ids
from schemas.identity import text_hashes

CAPTION_IMAGES = schema_of([pa.field("caption", pa.uint64(), nullable=False), pa.field("image_id", ID, nullable=False)])
"""Hash of a caption (`schemas.identity.text_hashes`) and an image it occurs with."""

REPEATED_CAPTIONS = pa.schema([pa.field("caption", pa.uint64(), nullable=False)])

REPEATED_CAPTION = "repeated_caption"
"""Reason of the drops."""


def caption_images(candidates: pa.Table) -> pa.Table:
    """Return `CAPTION_IMAGES` of candidates."""
    return pa.Table.from_arrays(
        [pa.array(text_hashes(candidates["caption"])), candidates["image_id"]], schema=CAPTION_IMAGES
    )


def lowest_images(table: pa.Table, limit: int) -> pa.Table:
    """Keep of each caption in `table` (`CAPTION_IMAGES`) its ``limit + 1`` lowest images, each once, in order."""
    captions, images = table["caption"].to_numpy(), sortable_ids(table["image_id"])
    order = np.lexsort((images[:, 1], images[:, 0], captions))
    captions, images = captions[order], images[order]
    other = np.ones(len(order), dtype=bool)
    other[1:] = (captions[1:] != captions[:-1]) | (images[1:] != images[:-1]).any(axis=1)
    captions, images = captions[other], images[other]
    keep = _place(captions) <= limit
    return pa.Table.from_arrays(
        [pa.array(captions[keep]), ids_from_words(images[keep].byteswap())], schema=CAPTION_IMAGES
    )


def repeated_captions(tables: Iterable[pa.Table], limit: int) -> npt.NDArray[np.uint64]:
    """Return, ascending, the captions that occur with more than `limit` images in the union of `tables`."""
    lowest, gathered, size = CAPTION_IMAGES.empty_table(), [], 0
    for table in tables:
        gathered.append(table)
        size += table.nbytes
        if size > max(COMPACT_BYTES, lowest.nbytes):
            lowest, gathered, size = lowest_images(pa.concat_tables([lowest, *gathered]), limit), [], 0
    captions = lowest_images(pa.concat_tables([lowest, *gathered]), limit)["caption"].to_numpy()
    return captions[_place(captions) == limit]


def caption_partition(captions: npt.NDArray[np.uint64], num_partitions: int) -> npt.NDArray[np.int64]:
    """Return the partition of each caption hash: its top bits. `num_partitions` is a power of two."""
    bits = num_partitions.bit_length() - 1
    return (captions >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(captions), dtype=np.int64)


def is_repeated(candidates: pa.Table, repeated: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Tell of each row whether its caption is one of `repeated` (ascending)."""
    if not len(repeated):
        return np.zeros(len(candidates), dtype=bool)
    captions = text_hashes(candidates["caption"])
    places = np.minimum(np.searchsorted(repeated, captions), len(repeated) - 1)
    return np.asarray(repeated[places] == captions)


def _place(ordered: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return each value's place, from 0, among its equals in `ordered`."""
    places = np.arange(len(ordered))
    starts = np.ones(len(ordered), dtype=bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    return places - np.maximum.accumulate(np.where(starts, places, 0))
