"""The one step of the job on Beam: plans in, shards in the output folder, counters out."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics

from pipeline.reshard.plan import ReshardPlan, read_source_tables
from pipeline.reshard.rows import SourceRows
from pipeline.reshard.write import write_plan
from schemas.run_record import MANIFEST_FILE
from schemas.shards_folder import STATS_SUFFIX, shard_name, without_images_name
from schemas.storage import Folder
from schemas.units import Unit, is_whole, read_unit

NAMESPACE = "reshard"
PLANS, SAMPLES = "reshard_plans", "reshard_samples"


class MakeEqualShard(beam.DoFn):
    """Writes each plan, unless another attempt did."""

    def __init__(self, output: str, work: str, sums: dict[str, Any]) -> None:
        self._output, self._work, self._sums = output, work, sums
        self._rows: SourceRows | None = None

    def process(self, plan: ReshardPlan) -> Iterator[None]:
        output = Folder(self._output)
        if not output.exists(MANIFEST_FILE):  # a job can outlive its launcher
            unit = made_unit(output, plan) or self._write(output, plan)
            Metrics.counter(NAMESPACE, PLANS).inc()
            Metrics.counter(NAMESPACE, SAMPLES).inc(unit.body["successes"])
        return iter(())

    def _write(self, output: Folder, plan: ReshardPlan) -> Unit:
        work = Folder(self._work)
        if self._rows is None:
            self._rows = SourceRows(read_source_tables(work))
        return write_plan(output, work, self._rows, plan, self._sums)


def made_unit(output: Folder, plan: ReshardPlan) -> Unit | None:
    """Return the commit of a plan, None when it is not done."""
    stem = shard_name(plan.number) if plan.kind == "samples" else without_images_name(plan.number)
    unit = read_unit(output, f"{stem}{STATS_SUFFIX}")
    return unit if unit is not None and is_whole(output, unit) else None
