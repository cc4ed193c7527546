"""One shard: its images fetched in any order, written in the order of their keys.

    selection/00000.parquet -> fetch, decode -> spool (temporary file) -> 00000.tar, 00000.parquet,
                            (images stored before: captions only)         rejections/00000.parquet,
                                                                          further_captions/00000.parquet,
                                                                          and last 00000_stats.json

Encoded images wait in a temporary file, not in memory, until the tar is written: memory stays at the bodies
in flight (those that wait for slow servers included) plus about 2 KB per image of the plan.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.download.again.table_counts import MAY_HEAL
from pipeline.download.fetch.queue import Fetched
from pipeline.download.fetch.runtime import FetchRuntime
from pipeline.download.outcome import Encoded, Failure, ImageReference
from pipeline.download.policy.counts import policy_counts
from pipeline.download.refusals import count_refusals
from pipeline.download.shard.index import NOTED, SampleOffsets
from pipeline.download.shard.options import OutputFormat
from pipeline.download.shard.plan import ShardImages, ShardPlan
from pipeline.download.shard.sample_json import NOTHING_NOTED, NotedKeys, sample_json
from pipeline.download.shard.sinks.files import write_files
from pipeline.download.shard.sinks.images_table import write_images_table
from pipeline.download.shard.table import ImageResult, shard_table
from pipeline.download.shard.tar import add_member, open_tar, position_of
from schemas.arrow_types import values_of
from schemas.buffers import one_chunk, string_buffers
from schemas.kernels.key_hashes import hash_keys
from schemas.rejection import REJECTIONS, Rejection, rejections
from schemas.removals import Removals, digest_prefix
from schemas.sample import (
    STATUS_FAILED_TO_DOWNLOAD,
    STATUS_FAILED_TO_RESIZE,
    STATUS_SUCCESS,
    further_captions_schema,
)  # fmt: skip
from schemas.shards_folder import FURTHER_CAPTIONS_DIR, REJECTIONS_DIR, STATS_SUFFIX, TABLE_SUFFIX, TAR_SUFFIX
from schemas.storage import FileRecord, Folder
from schemas.tables import write_table
from schemas.units import Unit, commit_unit

FORMAT = "output_format"
"""Key of the stats."""

ROWS_AT_ONCE = 256
"""Rows turned into Python objects together: bounds the memory, whatever the captions."""


@dataclass
class FetchedShard:
    """All images of a plan, done: results in the order of the images, encoded bytes in the spool."""

    plan: ShardPlan
    images: ShardImages
    results: list[ImageResult]
    spool: IO[bytes]
    body_bytes: int
    start_time: float


async def fetch_shard(
    runtime: FetchRuntime, plan: ShardPlan, images: ShardImages, arguments: Sequence[bytes],
    removals: Removals | None = None,
) -> FetchedShard:  # fmt: skip
    """Fetch all images of `plan`, but for those that `removals` name; runs on the runtime's loop.

    `arguments`: of each image (`content.arguments`).
    """
    table = images.table
    spool = tempfile.TemporaryFile()  # noqa: SIM115 (closed by write_shard)
    shard = FetchedShard(plan, images, [], spool, 0, time.time())
    results: list[ImageResult | None] = [None] * len(table)

    removed = _removed(table, removals)

    async def fetch_one(row: int, key: str, url: str | None, reference: ImageReference | None) -> None:
        if removed[row]:
            results[row] = ImageResult(Failure("removed"), None)
            return
        fetched = await runtime.get(key, url, reference, arguments[row])
        shard.body_bytes += fetched.body_bytes
        if removals is not None and isinstance(fetched.result, Encoded):
            digest = np.array([digest_prefix(fetched.result.sha256)], dtype=np.uint64)
            if removals.of_digests(digest)[0]:  # the same bytes of another URL
                results[row] = ImageResult(Failure("removed"), fetched.http_status)
                return
        results[row] = _spooled(fetched, shard.spool)

    rows = zip(values_of(table["key"]), table["url"].to_pylist(), table["image_ref"].to_pylist(), strict=True)
    tasks = [
        asyncio.create_task(fetch_one(row, key, url, ImageReference(**reference) if reference else None))
        for row, (key, url, reference) in enumerate(rows)
    ]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        shard.spool.close()
        raise
    shard.results = [result for result in results if result is not None]
    return shard


def _removed(table: pa.Table, removals: Removals | None) -> npt.NDArray[np.bool_]:
    """Tell which images were removed: they are not asked for."""
    if removals is None:
        return np.zeros(len(table), dtype=np.bool_)
    return removals.of_keys(hash_keys(*string_buffers(one_chunk(table["key"]))))


def _spooled(fetched: Fetched, spool: IO[bytes]) -> ImageResult:
    result = fetched.result
    if isinstance(result, Failure):
        return ImageResult(
            result, fetched.http_status, original_width=result.original_width, original_height=result.original_height,
            phash=result.phash, evidence=fetched.evidence,
        )  # fmt: skip
    assert isinstance(result, Encoded)
    offset = spool.tell()
    spool.write(result.data)
    return ImageResult(
        None, fetched.http_status, result.width, result.height, result.original_width, result.original_height,
        result.sha256, offset, len(result.data), result.phash, result.exif, result.further_hash, result.colours,
        evidence=fetched.evidence,
    )  # fmt: skip


def write_shard(
    folder: Folder, shard: FetchedShard, encode_format: str, output_format: OutputFormat = "webdataset",
    asked: NotedKeys = NOTHING_NOTED,
) -> Unit:  # fmt: skip
    """Write the files of a plan and commit them; return the unit. A plan that brought no image is no shard."""
    plan = shard.plan
    statuses = Counter(result.failure.status if result.failure else STATUS_SUCCESS for result in shard.results)
    has_images = statuses[STATUS_SUCCESS] > 0
    stem = plan.stem(has_images)
    with shard.spool:
        files, noted = _write_samples(folder, shard, encode_format, output_format, asked) if has_images else ([], {})
        table = shard_table(shard.images, shard.results, asked.further_hash)
        name = f"{stem}{TABLE_SUFFIX}"
        if output_format == "parquet":
            files.append(write_images_table(folder, name, table, shard.results, shard.spool, encode_format))
            noted["stored_bytes"] = files[-1].bytes
        else:
            files.append(write_table(folder, name, table, table.schema))
    files.append(write_table(folder, f"{REJECTIONS_DIR}/{plan.name}{TABLE_SUFFIX}", _rejections(shard), REJECTIONS))
    further = shard.images.further
    if len(further):
        files.append(
            write_table(
                folder,
                f"{FURTHER_CAPTIONS_DIR}/{plan.name}{TABLE_SUFFIX}",
                further,
                further_captions_schema(shard.images.extra),
            )
        )
    end_time = time.time()
    body = {
        "plan": plan.number,
        "count": len(shard.results),
        "successes": statuses[STATUS_SUCCESS],
        "failed_to_download": statuses[STATUS_FAILED_TO_DOWNLOAD],
        "failed_to_resize": statuses[STATUS_FAILED_TO_RESIZE],
        "further_captions": pc.sum(pc.list_value_length(further["captions"])).as_py() or 0,
        "duration": end_time - shard.start_time,
        "start_time": shard.start_time,
        "end_time": end_time,
        "status_dict": _counts(result.failure.text if result.failure else STATUS_SUCCESS for result in shard.results),
        "outcomes": _counts(result.failure.reason if result.failure else STATUS_SUCCESS for result in shard.results),
        "policy": policy_counts(table),
        "body_bytes": shard.body_bytes,
        "refusals": count_refusals(
            shard.images.table["url"].to_pylist(), [result.http_status for result in shard.results]
        ),
        FORMAT: output_format,
        "colour_profiles": _counts(result.colours for result in shard.results if result.colours is not None),
        MAY_HEAL: sum(result.failure is not None and result.failure.retryable for result in shard.results),
        **noted,
    }
    return commit_unit(folder, f"{stem}{STATS_SUFFIX}", files, body)


def _counts(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _rejections(shard: FetchedShard) -> pa.Table:
    references = shard.images.table.select(["url", "image_ref"])
    return rejections(
        "download",
        [
            Rejection(
                result.failure.reason, shard.plan.file, int(shard.images.first_row[row]), _reference(references, row)
            )
            for row, result in enumerate(shard.results)
            if result.failure is not None
        ],
    )


def _reference(references: pa.Table, row: int) -> str:
    """Return where the image was looked for: an image that is here is not asked of its URL."""
    reference = references["image_ref"][row].as_py()
    return f"{reference['root']}/{reference['member']}" if reference else str(references["url"][row].as_py())


def _write_samples(
    folder: Folder, shard: FetchedShard, encode_format: str, output_format: OutputFormat, asked: NotedKeys
) -> tuple[list[FileRecord], dict[str, Any]]:
    """Write what holds the images beside the table; return its records, and what the stats keep of it."""
    plan = shard.plan
    stem = plan.stem(has_images=True)
    if output_format == "webdataset":
        return _write_tar(folder, f"{stem}{TAR_SUFFIX}", shard, encode_format, asked)
    if output_format == "files":
        return write_files(folder, stem, plan.name, shard.images, shard.results, shard.spool, encode_format, asked)
    return [], {}  # they are in the table


def _write_tar(
    folder: Folder, name: str, shard: FetchedShard, encode_format: str, asked: NotedKeys
) -> tuple[list[FileRecord], dict[str, Any]]:
    """Write the tar, and into the results where their members are; return its record, and what the stats keep of it."""
    offsets = SampleOffsets()
    with folder.writing(name) as sink, open_tar(sink) as tar:
        for first in range(0, len(shard.results), ROWS_AT_ONCE):
            images = shard.images.table.slice(first, ROWS_AT_ONCE).to_pylist()
            for image, result in zip(images, shard.results[first : first + ROWS_AT_ONCE], strict=True):
                if result.failure is not None:
                    continue
                shard.spool.seek(result.offset)
                members = (
                    (f".{encode_format}", shard.spool.read(result.length)),
                    (".json", sample_json(image, result, shard.images.extra, asked)),
                    (".txt", image["caption"].encode()),
                )
                begin = position_of(tar)
                result.members = [
                    (suffix, add_member(tar, image["key"], suffix, data), len(data)) for suffix, data in members
                ]
                offsets.add(begin, result.length, position_of(tar))
    return [FileRecord(name, offsets.samples, sink.bytes, sink.sha256)], {NOTED: offsets.noted()}
