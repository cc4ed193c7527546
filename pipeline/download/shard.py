"""One shard: its images fetched in any order, written in the order of their keys.

    selection/00000.parquet -> fetch, decode -> spool (temporary file) -> 00000.tar, 00000.parquet,
                                                rejections/00000.parquet, and last 00000_stats.json

Encoded images wait in a temporary file, not in memory, until the tar is written: memory stays at the bodies
in flight plus about 2 KB per image of the plan.
"""

import asyncio
import json
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from typing import IO, Any

import pyarrow as pa

from pipeline.download.fetch_queue import Fetched
from pipeline.download.outcome import Encoded, Failure
from pipeline.download.plan import ImageReference, ShardImages, ShardPlan
from pipeline.download.runtime import FetchRuntime
from pipeline.download.tar import TarWriter
from pipeline.units import commit_unit
from schemas.rejection import REJECTIONS, rejections
from schemas.sample import SHARD_TABLE, STATUS_FAILED_TO_DOWNLOAD, STATUS_FAILED_TO_RESIZE, STATUS_SUCCESS
from schemas.storage import FileRecord, Folder
from schemas.tables import write_table

STATS_SUFFIX = "_stats.json"

REJECTIONS_DIR = "rejections"


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


@dataclass
class FetchedShard:
    """All images of a plan, done: results in the order of the images, encoded bytes in the spool."""

    plan: ShardPlan
    images: ShardImages
    results: list[ImageResult]
    spool: IO[bytes]
    body_bytes: int
    start_time: float


async def fetch_shard(runtime: FetchRuntime, plan: ShardPlan, images: ShardImages) -> FetchedShard:
    """Fetch all images of `plan`; runs on the runtime's loop."""
    table = images.table
    spool = tempfile.TemporaryFile()  # noqa: SIM115 (closed by write_shard)
    shard = FetchedShard(plan, images, [], spool, 0, time.time())
    results: list[ImageResult | None] = [None] * len(table)

    async def fetch_one(row: int, key: str, url: str | None, reference: ImageReference | None) -> None:
        fetched = await runtime.get(key, url, reference)
        shard.body_bytes += fetched.body_bytes
        results[row] = _spooled(fetched, shard.spool)

    rows = zip(table["key"].to_pylist(), table["url"].to_pylist(), table["image_ref"].to_pylist(), strict=True)
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


def _spooled(fetched: Fetched, spool: IO[bytes]) -> ImageResult:
    result = fetched.result
    if isinstance(result, Failure):
        return ImageResult(result, fetched.http_status)
    assert isinstance(result, Encoded)
    offset = spool.tell()
    spool.write(result.data)
    return ImageResult(
        None, fetched.http_status, result.width, result.height, result.original_width, result.original_height,
        result.sha256, offset, len(result.data),
    )  # fmt: skip


def write_shard(folder: Folder, shard: FetchedShard, encode_format: str) -> dict[str, int]:
    """Write the shard's files, commit them, and return how many images came to which status or reason."""
    name = shard.plan.name
    with shard.spool:
        tar_record = _write_tar(folder, shard, encode_format)
    table_record = write_table(folder, f"{name}.parquet", shard_table(shard), SHARD_TABLE)
    failed = [(row, result.failure) for row, result in enumerate(shard.results) if result.failure is not None]
    references = shard.images.table.select(["url", "image_ref"])
    broken = rejections(
        "download",
        [
            (failure.reason, shard.plan.file, int(shard.images.first_row[row]), _reference(references, row))
            for row, failure in failed
        ],
    )
    rejections_record = write_table(folder, f"{REJECTIONS_DIR}/{name}.parquet", broken, REJECTIONS)
    outcomes = Counter(result.failure.reason if result.failure else STATUS_SUCCESS for result in shard.results)
    statuses = Counter(result.failure.status if result.failure else STATUS_SUCCESS for result in shard.results)
    texts = Counter(result.failure.text if result.failure else STATUS_SUCCESS for result in shard.results)
    end_time = time.time()
    body: dict[str, Any] = {
        "count": len(shard.results),
        "successes": statuses[STATUS_SUCCESS],
        "failed_to_download": statuses[STATUS_FAILED_TO_DOWNLOAD],
        "failed_to_resize": statuses[STATUS_FAILED_TO_RESIZE],
        "duration": end_time - shard.start_time,
        "start_time": shard.start_time,
        "end_time": end_time,
        "status_dict": dict(sorted(texts.items())),
        "outcomes": dict(sorted(outcomes.items())),
        "body_bytes": shard.body_bytes,
    }
    commit_unit(folder, f"{name}{STATS_SUFFIX}", [tar_record, table_record, rejections_record], body)
    return dict(outcomes)


def _reference(references: pa.Table, row: int) -> str:
    url = references["url"][row].as_py()
    if url is not None:
        return str(url)
    reference = references["image_ref"][row].as_py() or {}
    return f"{reference.get('root')}/{reference.get('member')}"


def _write_tar(folder: Folder, shard: FetchedShard, encode_format: str) -> FileRecord:
    name = f"{shard.plan.name}.tar"
    samples = 0
    with folder.writing(name) as sink:
        tar = TarWriter(sink)
        for row, result in enumerate(shard.results):
            if result.failure is not None:
                continue
            image = shard.images.table.slice(row, 1).to_pylist()[0]
            shard.spool.seek(result.offset)
            key = image["key"]
            tar.add(f"{key}.{encode_format}", shard.spool.read(result.length))
            tar.add(f"{key}.json", sample_json(image, result))
            tar.add(f"{key}.txt", image["caption"].encode())
            samples += 1
        tar.finish()
    return FileRecord(name, samples, sink.bytes, sink.sha256)


def sample_json(image: dict[str, Any], result: ImageResult) -> bytes:
    """Return ``{key}.json``: img2dataset's names, and the image's captions with their pairs and queries."""
    fields = {
        "key": image["key"],
        "url": image["url"],
        "caption": image["caption"],
        "captions": image["captions"],
        "pair_ids": [pair_id.hex() for pair_id in image["pair_ids"]],
        "query_ids": image["query_ids"],
        "image_id": image["image_id"].hex(),
        "status": STATUS_SUCCESS,
        "width": result.width,
        "height": result.height,
        "original_width": result.original_width,
        "original_height": result.original_height,
        "sha256": result.sha256,
    }
    if image["image_ref"] is not None:
        fields["image_ref"] = {"root": image["image_ref"]["root"], "member": image["image_ref"]["member"]}
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def shard_table(shard: FetchedShard) -> pa.Table:
    """Return the rows of ``NNNNN.parquet`` (`SHARD_TABLE`)."""
    images, results = shard.images.table, shard.results
    columns: dict[str, Any] = {
        "status": [result.failure.status if result.failure else STATUS_SUCCESS for result in results],
        "error_message": [result.failure.text if result.failure else None for result in results],
        "reason": [result.failure.reason if result.failure else None for result in results],
        "retryable": [result.failure is not None and result.failure.retryable for result in results],
    }
    for name in ("http_status", "width", "height", "original_width", "original_height", "sha256"):
        columns[name] = [getattr(result, name) for result in results]
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else images[field.name].cast(field.type)
        for field in SHARD_TABLE
    ]
    return pa.Table.from_arrays(arrays, schema=SHARD_TABLE)
