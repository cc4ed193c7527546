"""A plan fetched by img2dataset: images in, a `FetchedShard` out, as our own fetcher gives it.

urls of the plan -> urls.parquet -> img2dataset, in a process of its own -> 00000.tar, 00000.parquet -> spool, results
"""

import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.download.config import DownloadConfig
from pipeline.download.peer.messages import LOST, failure_of
from pipeline.download.shard.plan import ShardImages, ShardPlan
from pipeline.download.shard.table import ImageResult
from pipeline.download.shard.write import FetchedShard
from schemas.sample import STATUS_SUCCESS

ROW = "webimagetext_row"
"""Column that img2dataset carries through: the place of the image in the plan."""

MAX_LOG_BYTES = 2_000


def fetch_by_img2dataset(plan: ShardPlan, images: ShardImages, config: DownloadConfig) -> FetchedShard:
    """Fetch the images of `plan`. Raises ValueError for local images, RuntimeError when img2dataset fails as a whole.

    Rows that it lost are `decode_failed`. Its own deadline is one between two bytes, so a server that sends a byte now
    and then holds up the plan.
    """
    if images.table["url"].null_count or images.table["image_ref"].null_count < len(images.table):
        raise ValueError("--fetcher img2dataset: the selection has local images, which it cannot read; use our own")
    spool = tempfile.TemporaryFile()  # noqa: SIM115 (closed by write_shard)
    shard = FetchedShard(plan, images, [], spool, 0, time.time())
    with tempfile.TemporaryDirectory(prefix="webimagetext-img2dataset-") as folder:
        if len(images.table):
            urls = images.table.select(["url"]).append_column(ROW, pa.array(range(len(images.table)), pa.int64()))
            pq.write_table(urls, f"{folder}/urls.parquet")
            _run(arguments_for(config, folder, len(images.table)))
            shard.results = read_results(Path(folder) / "out", len(images.table), config.encode_format, spool)
    return shard


def arguments_for(config: DownloadConfig, folder: str, num_images: int) -> dict[str, Any]:
    """Return img2dataset's arguments: our options by its names, one shard, one process."""
    return {
        "url_list": f"{folder}/urls.parquet", "input_format": "parquet", "output_folder": f"{folder}/out",
        "output_format": "webdataset", "save_additional_columns": [ROW], "number_sample_per_shard": num_images,
        "processes_count": 1, "thread_count": config.concurrency, "timeout": config.timeout_s,
        "retries": config.retries, "image_size": config.image_size, "resize_mode": config.resize_mode,
        "resize_only_if_bigger": config.resize_only_if_bigger, "encode_format": config.encode_format,
        "encode_quality": config.encode_quality, "skip_reencode": config.skip_reencode,
        "max_image_area": config.max_pixels, "compute_hash": "sha256", "extract_exif": False,
        "user_agent_token": config.agent_token,
        "disallowed_header_directives": list(config.disallowed_header_directives),
    }  # fmt: skip


def read_results(output: Path, num_images: int, encode_format: str, spool: IO[bytes]) -> list[ImageResult]:
    """Return what became of each image, in the plan's order; the images go to the spool."""
    results = [ImageResult(LOST, None) for _ in range(num_images)]
    rows = {row["key"]: row for row in pq.read_table(output / "00000.parquet").to_pylist()}
    for row in rows.values():
        if row["status"] != STATUS_SUCCESS:
            failure = failure_of(row["status"], row["error_message"] or "")
            results[row[ROW]] = ImageResult(failure, failure.http_status)
    with tarfile.open(output / "00000.tar") as tar:
        for member in tar:
            key, _, suffix = member.name.partition(".")
            found = tar.extractfile(member) if suffix == encode_format else None
            if found is None:
                continue
            row = rows[key]
            results[row[ROW]] = ImageResult(
                None, None, width=row["width"], height=row["height"], original_width=row["original_width"],
                original_height=row["original_height"], sha256=row["sha256"], offset=spool.tell(), length=member.size,
            )  # fmt: skip
            spool.write(found.read())
    return results


def _run(arguments: dict[str, Any]) -> None:
    """Run img2dataset to its end; none of its processes outlives this one."""
    with tempfile.TemporaryFile() as log:
        with subprocess.Popen(
            [sys.executable, "-m", "pipeline.download.peer.process", json.dumps(arguments)],
            stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
        ) as process:  # fmt: skip
            try:
                code = process.wait()
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        if code or not os.path.exists(f"{arguments['output_folder']}/00000_stats.json"):
            log.seek(max(0, log.seek(0, os.SEEK_END) - MAX_LOG_BYTES))
            said = log.read().decode("utf-8", "replace").strip().splitlines()
            raise RuntimeError(f"img2dataset ended with code {code} and without a shard: {' '.join(said[-3:])}")
