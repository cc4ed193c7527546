"""The rows of ``NNNNN.parquet``: the images of a plan and what became of each in, a table out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.download.outcome import Failure
from pipeline.download.shard.plan import ShardImages
from schemas.buffers import one_chunk
from schemas.sample import EXTRA, STATUS_SUCCESS, extra_names, shard_schema


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


def shard_table(images: ShardImages, results: Sequence[ImageResult]) -> pa.Table:
    """Return the table (`shard_schema`) of `images`; `results` are in their order."""
    columns: dict[str, Any] = {
        "status": [result.failure.status if result.failure else STATUS_SUCCESS for result in results],
        "error_message": [result.failure.text if result.failure else None for result in results],
        "reason": [result.failure.reason if result.failure else None for result in results],
        "retryable": [result.failure is not None and result.failure.retryable for result in results],
    }
    for name in ("http_status", "width", "height", "original_width", "original_height", "sha256"):
        columns[name] = [getattr(result, name) for result in results]
    if images.extra.num_fields:
        of_caption = pc.list_element(one_chunk(images.table[EXTRA]), 0)
        names = extra_names(images.extra)
        for field, values in zip(images.extra, of_caption.flatten(), strict=True):
            columns[names[field.name]] = values
    schema = shard_schema(images.extra)
    arrays = [
        pa.array(columns[field.name], field.type)
        if field.name in columns
        else images.table[field.name].cast(field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
