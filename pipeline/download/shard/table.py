"""The rows of ``NNNNN.parquet``: the images of a plan and what became of each in, a table out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.download.outcome import Failure
from pipeline.download.policy.evidence import Evidence
from pipeline.download.shard.plan import ShardImages
from schemas.buffers import one_chunk
from schemas.sample import EXTRA, MEMBERS, SIGNALS, STATUS_SUCCESS, extra_names, shard_schema


@dataclass
class ImageResult:
    """What is kept of one image in memory; its bytes are in the spool at (offset, length)."""

    failure: Failure | None
    http_status: int | None
    width: int | None = None
    height: int | None = None
    original_width: int | None = None
    original_height: int | None = None
    sha256: str | None = None
    offset: int = 0
    length: int = 0
    phash: str | None = None
    exif: str | None = None
    further_hash: str | None = None
    colours: str | None = None
    members: list[tuple[str, int, int]] = field(default_factory=list)
    """In the tar, once it is written: suffix, offset of its bytes, their number."""
    evidence: Evidence | None = None
    """Of its publisher's wishes; None where nobody was asked."""


def shard_table(images: ShardImages, results: Sequence[ImageResult], further_hash: str | None = None) -> pa.Table:
    """Return the table (`shard_schema`) of `images`; `results` are in their order."""
    columns: dict[str, Any] = {
        "status": [result.failure.status if result.failure else STATUS_SUCCESS for result in results],
        "error_message": [result.failure.text if result.failure else None for result in results],
        "reason": [result.failure.reason if result.failure else None for result in results],
        "retryable": [result.failure is not None and result.failure.retryable for result in results],
    }
    for name in ("http_status", "width", "height", "original_width", "original_height", "sha256", "phash", "exif"):
        columns[name] = [getattr(result, name) for result in results]
    if images.extra.num_fields:
        of_caption = pc.list_element(one_chunk(images.table[EXTRA]), 0)
        names = extra_names(images.extra, further_hash)
        for column, values in zip(images.extra, of_caption.flatten(), strict=True):
            columns[names[column.name]] = values
    columns["members"] = _members(results)
    columns["signals"] = pa.array([signal_rows(result.evidence) for result in results], SIGNALS)
    columns["policy_decision"] = [result.evidence.decision if result.evidence else None for result in results]
    columns["policy_rule"] = [result.evidence.rule if result.evidence else None for result in results]
    if further_hash is not None:
        columns[further_hash] = [result.further_hash for result in results]
    schema = shard_schema(images.extra, further_hash)
    arrays = [
        pa.array(columns[column.name], column.type)
        if column.name in columns
        else images.table[column.name].cast(column.type)
        for column in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def signal_rows(evidence: Evidence | None) -> list[dict[str, str]]:
    """Return the signals as the column has them: the vocabulary's row, and what stood there where that is more."""
    return [
        {
            "place": judged.signal.place,
            "signal": judged.signal.name,
            "value": judged.signal.found or judged.signal.value,
            "meaning": judged.meaning,
        }
        for judged in (evidence.seen if evidence else ())
    ]


def _members(results: Sequence[ImageResult]) -> pa.Array:
    found = [member for result in results for member in result.members]
    suffixes, offsets, sizes = zip(*found, strict=True) if found else ((), (), ())
    kind = MEMBERS.value_type
    values = [pa.array(column, part.type) for column, part in zip((suffixes, offsets, sizes), kind, strict=True)]
    starts = np.cumsum([0, *(len(result.members) for result in results)], dtype=np.int32).tolist()
    return pa.ListArray.from_arrays(starts, pa.StructArray.from_arrays(values, fields=list(kind)))
