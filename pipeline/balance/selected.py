"""Selected pairs to shards: the layout, keys and rows of every shard. Pure.

An image's place is its place among all selected images in image_id order: image_id is a hash, so every
shard is a random sample of the selection, has exactly ``samples_per_shard`` images (the last fewer), and is
written from one partition of images and the heads of the next.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.balance.ordering import rows_by_image
from schemas.buffers import hex_of_ids, sortable_ids, words_from_ids


def image_partition(table: pa.Table, num_partitions: int) -> npt.NDArray[np.int64]:
    """Return the partition of each row: the top bits of its image_id. `num_partitions` is a power of two."""
    bits = num_partitions.bit_length() - 1
    high = sortable_ids(table["image_id"])[:, 0]
    return (high >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(table), dtype=np.int64)


def in_shard_order(table: pa.Table) -> pa.Table:
    """Return `table` sorted by (image_id, rank, pair_id)."""
    order = rows_by_image(sortable_ids(table["image_id"]), table["rank"].to_numpy(), table["pair_id"])
    return table.take(pa.array(order))


def image_starts(ordered: pa.Table) -> npt.NDArray[np.int64]:
    """Return the first row of each image of a table in shard order."""
    images = words_from_ids(ordered["image_id"])
    if len(images) == 0:
        return np.zeros(0, dtype=np.int64)
    differ = (images[1:, 0] != images[:-1, 0]) | (images[1:, 1] != images[:-1, 1])
    return np.flatnonzero(np.r_[True, differ])


def matches_per_image(ordered: pa.Table, of_pairs: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return the matches of each image of a table in shard order, from those of its pairs."""
    if len(ordered) == 0:
        return np.zeros(0, dtype=np.int64)
    return np.add.reduceat(of_pairs.astype(np.int64), image_starts(ordered))


def slice_images(ordered: pa.Table, begin: int, end: int, starts: npt.NDArray[np.int64] | None = None) -> pa.Table:
    """Return the rows of images begin .. end - 1 of a table in shard order; `starts`: its `image_starts`, if known."""
    ends = np.r_[image_starts(ordered) if starts is None else starts, len(ordered)]
    first, last = ends[min(begin, len(ends) - 1)], ends[min(end, len(ends) - 1)]
    return ordered.slice(int(first), int(last - first))


def shard_rows(ordered: pa.Table, shard: int, schema: pa.Schema) -> pa.Table:
    """Return the selection rows of one shard: `ordered` with its shard number and keys."""
    numbered = ordered.append_column("shard", pa.array(np.full(len(ordered), shard), pa.int32()))
    return numbered.append_column("key", hex_of_ids(ordered["image_id"])).select(schema.names).cast(schema)
