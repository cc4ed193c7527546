"""The samples of a plan, one after the other: images, what became of each, and the spool in; files' bytes out."""

from collections.abc import Iterator, Sequence
from typing import IO

from pipeline.download.shard.plan import ShardImages
from pipeline.download.shard.sample_json import NOTHING_NOTED, NotedKeys, sample_json
from pipeline.download.shard.table import ImageResult

ROWS_AT_ONCE = 256
"""Rows turned into Python objects together: bounds the memory, whatever the captions."""


def sample_files(
    images: ShardImages, results: Sequence[ImageResult], spool: IO[bytes], encode_format: str,
    asked: NotedKeys = NOTHING_NOTED,
) -> Iterator[tuple[str, dict[str, bytes]]]:  # fmt: skip
    """Yield (key, bytes by suffix) of each image that came, in the order of the keys."""
    for first in range(0, len(results), ROWS_AT_ONCE):
        rows = images.table.slice(first, ROWS_AT_ONCE).to_pylist()
        for image, result in zip(rows, results[first : first + ROWS_AT_ONCE], strict=True):
            if result.failure is None:
                yield (
                    image["key"],
                    {
                        f".{encode_format}": image_bytes(result, spool),
                        ".json": sample_json(image, result, images.extra, asked),
                        ".txt": image["caption"].encode(),
                    },
                )


def image_bytes(result: ImageResult, spool: IO[bytes]) -> bytes:
    """Return the encoded image of a result that is no failure."""
    spool.seek(result.offset)
    return spool.read(result.length)
