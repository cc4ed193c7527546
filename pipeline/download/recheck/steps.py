"""The one step of a recheck on Beam: plans in, a table a plan in the work folder, counters out."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future

import apache_beam as beam
import pyarrow as pa
from apache_beam.metrics import Metrics

from pipeline.download.config import DownloadConfig
from pipeline.download.fetch.runtime import acquire_runtime, release_runtime
from pipeline.download.recheck.ask import ASKED, ask_plan, read_plan
from pipeline.download.recheck.plan import RecheckPlan
from schemas.shards_folder import STATS_SUFFIX, TABLE_SUFFIX
from schemas.storage import Folder
from schemas.tables import write_table
from schemas.units import commit_unit, is_whole, read_unit

NAMESPACE = "recheck"
IMAGES = "recheck_images"
BODY_BYTES = "recheck_body_bytes"

PLANS_AT_ONCE = 2
"""Per bundle: while the last slow servers of a plan are waited for, the next is asked."""


class AskPlan(beam.DoFn):
    """Asks for the images of each plan; plans of one bundle overlap."""

    def __init__(self, work: str, config: DownloadConfig) -> None:
        self._work, self._config = work, config
        self._open: deque[tuple[RecheckPlan, Future[tuple[pa.Table, int]]]] = deque()

    def setup(self) -> None:
        self._runtime = acquire_runtime(self._config, ())

    def start_bundle(self) -> None:
        self._open = deque()

    def process(self, plan: RecheckPlan) -> Iterator[None]:
        if not is_asked(Folder(self._work), plan):
            asked = ask_plan(self._runtime, read_plan(plan), self._config.recheck_heads_only)
            self._open.append((plan, self._runtime.submit(asked)))
        while len(self._open) >= PLANS_AT_ONCE:
            self._write_next()
        return iter(())

    def finish_bundle(self) -> None:
        while self._open:
            self._write_next()

    def teardown(self) -> None:
        release_runtime(self._config, ())

    def _write_next(self) -> None:
        plan, asked = self._open.popleft()
        table, body_bytes = asked.result()
        work = Folder(self._work)
        record = write_table(work, f"{plan.name}{TABLE_SUFFIX}", table, ASKED)
        commit_unit(work, f"{plan.name}{STATS_SUFFIX}", [record], {"count": len(table), "body_bytes": body_bytes})
        Metrics.counter(NAMESPACE, IMAGES).inc(len(table))
        Metrics.counter(NAMESPACE, BODY_BYTES).inc(body_bytes)


def is_asked(work: Folder, plan: RecheckPlan) -> bool:
    """Tell whether `plan` is done."""
    unit = read_unit(work, f"{plan.name}{STATS_SUFFIX}")
    return unit is not None and is_whole(work, unit)
