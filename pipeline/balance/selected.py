"""Selected pairs to shards: the layout, keys and rows of every shard. Pure.

An image's place is its place among all selected images in image_id order: image_id is a hash, so every
shard is a random sample of the selection, has exactly ``samples_per_shard`` images (the last fewer), and is
written from one partition of images and the heads of the next.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.buffers import sortable_ids, strings, words_from_ids

_HEX = np.frombuffer(b"".join(f"{byte:02x}".encode() for byte in range(256)), dtype=np.uint8).reshape(256, 2)


def image_partition(table: pa.Table, num_partitions: int) -> npt.NDArray[np.int64]:
    """Return the partition of each row: the top bits of its image_id. `num_partitions` is a power of two."""
    bits = num_partitions.bit_length() - 1
    high = sortable_ids(table["image_id"])[:, 0]
    return (high >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(table), dtype=np.int64)


def keys(image_ids: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return the key of each image: its id in hex."""
    ids = np.ascontiguousarray(words_from_ids(image_ids)).view(np.uint8)
    return strings(_HEX[ids.reshape(-1)].reshape(-1), np.arange(len(image_ids) + 1, dtype=np.int64) * 32)


def in_shard_order(table: pa.Table) -> pa.Table:
    """Return `table` sorted by (image_id, rank, pair_id)."""
    images, pairs = sortable_ids(table["image_id"]), sortable_ids(table["pair_id"])
    order = np.lexsort((pairs[:, 1], pairs[:, 0], table["rank"].to_numpy(), images[:, 1], images[:, 0]))
    return table.take(pa.array(order))


def image_starts(ordered: pa.Table) -> npt.NDArray[np.int64]:
    """Return the first row of each image of a table in shard order."""
    images = sortable_ids(ordered["image_id"])
    if len(images) == 0:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(np.r_[True, (images[1:] != images[:-1]).any(axis=1)])


def slice_images(ordered: pa.Table, begin: int, end: int) -> pa.Table:
    """Return the rows of images begin .. end - 1 of a table in shard order."""
    starts = np.r_[image_starts(ordered), len(ordered)]
    first, last = starts[min(begin, len(starts) - 1)], starts[min(end, len(starts) - 1)]
    return ordered.slice(int(first), int(last - first))


def shard_rows(ordered: pa.Table, shard: int, schema: pa.Schema) -> pa.Table:
    """Return the selection rows of one shard: `ordered` with its shard number and keys."""
    numbered = ordered.append_column("shard", pa.array(np.full(len(ordered), shard), pa.int32()))
    return numbered.append_column("key", keys(ordered["image_id"])).select(schema.names).cast(schema)
