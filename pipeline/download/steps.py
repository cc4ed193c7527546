"""The one step of the job on Beam: shard plans in, shards in the output folder, counters out."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import apache_beam as beam
from apache_beam.metrics import Metrics

from pipeline.download.again.retry_plan import RetryPlan, read_retry_images
from pipeline.download.config import DownloadConfig
from pipeline.download.content.arguments import image_arguments
from pipeline.download.fetch.runtime import FetchRuntime, acquire_runtime, release_runtime
from pipeline.download.peer.fetch import fetch_by_img2dataset
from pipeline.download.shard.numbering import finished_plan
from pipeline.download.shard.plan import ShardPlan, read_shard_images
from pipeline.download.shard.sample_json import NotedKeys
from pipeline.download.shard.write import FetchedShard, fetch_shard, write_shard
from schemas.removals import read_removals
from schemas.run_record import MANIFEST_FILE
from schemas.storage import Folder
from schemas.units import Unit

NAMESPACE = "download"
SHARDS_WRITTEN = "download_shards"
BODY_BYTES = "download_body_bytes"
IMAGES = "download_images"
IMAGES_BY_OUTCOME = "download_images_"
"""Followed by the outcome: success or a rejection reason."""

SHARDS_AT_ONCE = 2
"""Per bundle: while the last slow servers of a shard are waited for, the next shard is fetched."""


class MakeShard(beam.DoFn):
    """Fetches and writes each shard; shards of one bundle overlap."""

    def __init__(self, shards: str, config: DownloadConfig, roots: tuple[tuple[str, str], ...]) -> None:
        self._shards = shards
        self._config = config
        self._roots = roots
        self._open: deque[Future[FetchedShard]] = deque()

    def setup(self) -> None:
        self._runtime: FetchRuntime | None = None
        if self._config.fetcher == "own":
            self._runtime = acquire_runtime(self._config, self._roots)
        else:
            self._peer = ThreadPoolExecutor(1)

    def start_bundle(self) -> None:
        self._open = deque()

    def process(self, plan: ShardPlan) -> Iterator[None]:
        if not self._count_made(plan):
            self._open.append(self._fetched(plan))
        while len(self._open) >= SHARDS_AT_ONCE:
            self._write_next()
        return iter(())

    def finish_bundle(self) -> None:
        while self._open:
            self._write_next()

    def teardown(self) -> None:
        if self._runtime is not None:
            release_runtime(self._config, self._roots)
        else:
            self._peer.shutdown()

    def _fetched(self, plan: ShardPlan) -> Future[FetchedShard]:
        if isinstance(plan, RetryPlan):
            images, removals = read_retry_images(plan), read_removals(Folder(plan.selection))
        else:
            images, removals = read_shard_images(plan), read_removals(Folder(self._shards))
        if self._runtime is not None:
            arguments = image_arguments(images.table, images.extra, self._config)
            return self._runtime.submit(fetch_shard(self._runtime, plan, images, arguments, removals))
        if removals is not None:
            raise ValueError(f"{self._shards}: --fetcher img2dataset would ask for what was removed; use our own")
        return self._peer.submit(fetch_by_img2dataset, plan, images, self._config)

    def _write_next(self) -> None:
        shard = self._open.popleft().result()
        if self._count_made(shard.plan):
            shard.spool.close()
        else:
            config = self._config
            asked = NotedKeys(config.further_hash, config.extract_exif)
            _count(write_shard(Folder(self._shards), shard, config.encode_format, config.output_format, asked))

    def _count_made(self, plan: ShardPlan) -> bool:
        """Tell whether another attempt at `plan` was faster, and count what it made.

        A job can outlive its launcher: what it writes after the next one has finished must not be written.
        """
        shards = Folder(self._shards)
        if shards.exists(MANIFEST_FILE):
            return True
        unit = finished_plan(shards, plan)
        if unit is not None:
            _count(unit)
        return unit is not None


def _count(unit: Unit) -> None:
    Metrics.counter(NAMESPACE, SHARDS_WRITTEN).inc()
    Metrics.counter(NAMESPACE, BODY_BYTES).inc(unit.body["body_bytes"])
    Metrics.counter(NAMESPACE, IMAGES).inc(unit.body["count"])
    for outcome, images in unit.body["outcomes"].items():
        Metrics.counter(NAMESPACE, IMAGES_BY_OUTCOME + outcome).inc(images)
