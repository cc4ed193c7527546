"""Rejections: broken records of any stage, all stored. Expected drops are counted and sampled instead."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import pyarrow as pa

from schemas.arrow_types import schema_of
from schemas.public_url import without_user_info
from schemas.storage import FileRecord, Folder
from schemas.tables import write_table

MAX_VALUE_BYTES = 1000
"""The offending value is cut to this many bytes (at a character boundary)."""

REJECTIONS = schema_of(
    [
        pa.field("stage", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("source_file", pa.string(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("value", pa.string()),
    ]
)
"""position is the row of a table, or the byte offset in a dump or archive (-1: the file as a whole)."""


class Rejection(NamedTuple):
    """A broken record, before its stage is known."""

    reason: str
    """One of `REASONS`."""
    source_file: str
    position: int
    """As of `REJECTIONS`."""
    value: str | bytes | None
    """What was found, where there is something to show."""


STAGES = ("querygen", "collect", "balance", "download")

REASONS = {
    "querygen": (
        "file_unreadable", "file_truncated", "block_damaged", "row_malformed", "page_malformed", "page_markup_unclosed",
        "page_missing", "page_too_large",
        "page_views_line_malformed", "title_without_word", "synset_without_word",
    ),
    "collect": (
        "file_unreadable", "file_truncated", "row_malformed", "record_malformed", "record_truncated",
        "url_missing", "url_not_http", "url_without_host",
        "url_bad_character", "url_too_long", "url_with_credentials", "url_not_text",
        "caption_missing", "caption_not_text", "caption_not_utf8", "caption_too_long", "image_missing",
        "member_unreadable", "name_not_utf8", "key_repeated", "members_apart",
    ),
    "balance": (),
    "download": (
        "dns_failed", "connect_failed", "tls_failed", "timed_out", "http_error", "answer_malformed",
        "too_many_redirects", "private_address", "body_too_large", "body_truncated", "opted_out",
        "image_missing", "not_an_image", "format_not_allowed", "image_truncated", "too_many_pixels",
        "decode_failed", "decode_timed_out", "decoder_crashed", "url_invalid",
        "image_too_small", "aspect_ratio_too_large", "hash_mismatch", "boxes_malformed", "decontaminated", "removed",
    ),
}  # fmt: skip
"""The reasons of each stage; a reason outside this list is a programming error."""


def cut(value: str | bytes | None) -> str | None:
    """Return the offending `value` as text, cut to `MAX_VALUE_BYTES`; an address in it has no user info."""
    if value is None:
        return None
    raw = value.encode("utf-8", "replace") if isinstance(value, str) else value
    return without_user_info(raw[:MAX_VALUE_BYTES].decode("utf-8", "ignore" if isinstance(value, str) else "replace"))


def by_reason(found: Iterable[Rejection]) -> dict[str, int]:
    """Return how many rejections have each reason, by name."""
    return dict(sorted(Counter(row.reason for row in found).items()))


def write_rejections(folder: Folder, stage: str, found: Iterable[Rejection]) -> FileRecord:
    """Write all rejections of a stage in one order, whoever found them first: by file, place and reason."""
    ordered = sorted(found, key=lambda row: (row.source_file, row.position, row.reason, str(row.value)))
    return write_table(folder, f"rejections/{stage}.parquet", rejections(stage, ordered), REJECTIONS)


def from_table(table: pa.Table) -> list[Rejection]:
    """Return the rejections of a table of one stage."""
    columns = [table[name].to_pylist() for name in Rejection._fields]
    return [Rejection(*row) for row in zip(*columns, strict=True)]


def rejections(stage: str, rows: list[Rejection]) -> pa.Table:
    """Return the table of `rows`. For the few broken records only."""
    if stage not in STAGES:
        raise ValueError(f"stage must be one of {STAGES}, found {stage!r}")
    for row in rows:
        if row.reason not in REASONS[stage]:
            raise ValueError(f"{row.reason!r} is not a rejection reason of {stage}; add it to schemas/rejection.py")
    columns: list[list[Any]] = [
        [stage] * len(rows),
        [row.reason for row in rows],
        [row.source_file for row in rows],
        [row.position for row in rows],
        [cut(row.value) for row in rows],
    ]
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, REJECTIONS, strict=True)], schema=REJECTIONS
    )
