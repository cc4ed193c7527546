"""Shards: ``NNNNN.tar`` of samples (an image with its captions) and ``NNNNN.parquet`` beside it."""

import pyarrow as pa

from schemas.arrow_types import schema_of
from schemas.buffers import ID
from schemas.candidate import IMAGE_REF, QUERY_IDS

STATUS_SUCCESS = "success"
STATUS_FAILED_TO_DOWNLOAD = "failed_to_download"
STATUS_FAILED_TO_RESIZE = "failed_to_resize"
STATUSES = (STATUS_SUCCESS, STATUS_FAILED_TO_DOWNLOAD, STATUS_FAILED_TO_RESIZE)
"""img2dataset's status words."""

MEMBERS = pa.list_(pa.struct([("suffix", pa.string()), ("offset", pa.int64()), ("bytes", pa.int64())]))
"""The files of a sample in its tar: suffix from the first dot on, offset of the bytes in the tar, their number."""

SIGNALS = pa.list_(
    pa.struct([("place", pa.string()), ("signal", pa.string()), ("value", pa.string()), ("meaning", pa.string())])
)
"""The machine-readable wishes of a publisher that were seen: where (header, robots.txt, ...), which one, its value as
it stands, what it means here: allow, forbid, or unknown."""

SHARD_TABLE = schema_of(
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
        pa.field("image_ref", IMAGE_REF),
        pa.field("license", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("http_status", pa.int32()),
        pa.field("retryable", pa.bool_(), nullable=False),
        pa.field("captions", pa.list_(pa.string()), nullable=False),
        pa.field("pair_ids", pa.list_(ID), nullable=False),
        pa.field("query_ids", pa.list_(QUERY_IDS), nullable=False),
        pa.field("members", MEMBERS, nullable=False),
        pa.field("signals", SIGNALS, nullable=False),
        pa.field("policy_decision", pa.string()),
        pa.field("policy_rule", pa.string()),
        pa.field("phash", pa.string()),
        pa.field("exif", pa.string()),
    ]
)
"""One row per image of the shard's plan, failures included, sorted by key. The first ten columns have
img2dataset's names and meaning (sha256 in hex, of the bytes fetched). captions, pair_ids and query_ids
run in parallel, by ascending rank; caption is the first of them. license is the first that a pair of the image states.
reason is null for a success. members are in the order of the tar, empty for an image that failed. image_ref and
license: since 1.4, members: since 1.5.

Since 1.6: signals, in the order in which they were seen; policy_decision (allow or forbid; null where nobody was asked)
and policy_rule, the row of the policy that decided; phash, the perceptual hash of the image as 16 hex digits; exif, as
JSON, where it was asked for."""

FURTHER_CAPTIONS = pa.schema(
    [SHARD_TABLE.field(name) for name in ("key", "image_id", "captions", "pair_ids", "query_ids")]
)
"""``further_captions/NNNNN.parquet``: captions that a refill selected for images that an earlier round stored, a row
per image, sorted by key (since 1.4). They belong behind those of the sample, in the order of the plans' numbers."""

EXTRA = "extra"
"""The column of the values carried through for every caption, parallel to captions; in shards and further captions."""

SAMPLE_KEYS = (
    "key", "url", "caption", "captions", "pair_ids", "query_ids", "image_id", "image_ref", "license", "status", "width",
    "height", "original_width", "original_height", "sha256",
)  # fmt: skip
"""Of every sample's ``.json``, and behind them those of `extra_names` and `MISSING`. None is ever null: a text that is
not there is empty; image_ref is ``{"root": ..., "member": ...}``."""

MISSING = "missing"
"""Key of a sample's ``.json``, where columns are carried through: the names of those that have no value for the
caption, with commas between; they hold "", [], 0, 0.0 or false, as their type is."""


def extra_names(extra: pa.StructType, further_hash: str | None = None) -> dict[str, str]:
    """Return the name in shards of each column carried through: its own, or ``extra_NAME`` where that one is taken.

    `further_hash`: see `shard_schema`.

    Names that differ in case alone are the same to Spark and DuckDB.
    """
    taken = {name.lower() for name in (*SHARD_TABLE.names, *SAMPLE_KEYS, EXTRA, MISSING, *_further(further_hash))}
    names = {}
    for field in extra:
        name = field.name
        while name.lower() in taken:
            name = f"extra_{name}"
        taken.add(name.lower())
        names[field.name] = name
    return names


def _further(further_hash: str | None) -> list[str]:
    return [] if further_hash is None else [further_hash]


def shard_schema(extra: pa.StructType, further_hash: str | None = None) -> pa.Schema:
    """Return the schema of ``shards/NNNNN.parquet``: `SHARD_TABLE`, and the columns carried through.

    Those have the values of the pair of ``caption``; `EXTRA` has those of every caption. Before them is the hash of the
    fetched bytes that was asked for beside sha256, in a column of its name (``md5``, ``sha512``; since 1.6).
    """
    names = extra_names(extra, further_hash)
    hashes = [pa.field(name, pa.string()) for name in _further(further_hash)]
    return pa.schema(
        [*SHARD_TABLE, *hashes, *(pa.field(names[field.name], field.type) for field in extra), *_extra_list(extra)]
    )


def further_captions_schema(extra: pa.StructType) -> pa.Schema:
    """Return the schema of ``shards/further_captions/NNNNN.parquet``."""
    return pa.schema([*FURTHER_CAPTIONS, *_extra_list(extra)])


def _extra_list(extra: pa.StructType) -> list[pa.Field]:
    return [pa.field(EXTRA, pa.list_(extra), nullable=False)] if extra.num_fields else []


LISTED_CAPTIONS = "captions"
CAPTION_KEYS = ("caption", "text", "TEXT", "alt")
"""Members of a sample's ``.json`` that hold its captions: the list, else the first of these that holds something."""
