"""The Beam graph of `pipeline reshard`."""

from typing import Any

import apache_beam as beam

from pipeline.reshard.plan import ReshardPlan
from pipeline.reshard.steps import MakeEqualShard


def reshard_graph(
    pipeline: beam.Pipeline, plans: list[ReshardPlan], output: str, work: str, sums: dict[str, Any]
) -> None:
    _ = (
        pipeline
        | "CreatePlans" >> beam.Create(plans)
        | "SpreadPlans" >> beam.Reshuffle()  # else the plans stay fused on one worker
        | "MakeEqualShards" >> beam.ParDo(MakeEqualShard(output, work, sums))
    )
