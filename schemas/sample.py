"""Shards: ``NNNNN.tar`` of samples (an image with its captions) and ``NNNNN.parquet`` beside it."""

import pyarrow as pa

from schemas.buffers import ID
from schemas.candidate import QUERY_IDS

STATUS_SUCCESS = "success"
STATUS_FAILED_TO_DOWNLOAD = "failed_to_download"
STATUS_FAILED_TO_RESIZE = "failed_to_resize"
STATUSES = (STATUS_SUCCESS, STATUS_FAILED_TO_DOWNLOAD, STATUS_FAILED_TO_RESIZE)
"""img2dataset's status words."""

SHARD_TABLE = pa.schema(
    [
        pa.field("url", pa.string()),
        pa.field("caption", pa.string(), nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("error_message", pa.string()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("original_width", pa.int32()),
        pa.field("original_height", pa.int32()),
        pa.field("sha256", pa.string()),
        pa.field("image_id", ID, nullable=False),
        pa.field("reason", pa.string()),
        pa.field("http_status", pa.int32()),
        pa.field("retryable", pa.bool_(), nullable=False),
        pa.field("captions", pa.list_(pa.string()), nullable=False),
        pa.field("pair_ids", pa.list_(ID), nullable=False),
        pa.field("query_ids", pa.list_(QUERY_IDS), nullable=False),
    ]
)
"""One row per image of the shard's plan, failures included, sorted by key. The first ten columns have
img2dataset's names and meaning (sha256 in hex, of the bytes fetched). captions, pair_ids and query_ids
run in parallel, by ascending rank; caption is the first of them. reason is null for a success."""


def shard_name(shard: int) -> str:
    """Return the base name of a shard: five digits or more, as img2dataset writes it."""
    if shard < 0:
        raise ValueError(f"a shard number is at least 0, found {shard!r}")
    return f"{shard:05d}"
