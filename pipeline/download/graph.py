"""The Beam graph of `pipeline download`."""

from collections.abc import Sequence

import apache_beam as beam

from pipeline.download.config import DownloadConfig
from pipeline.download.shard.plan import ShardPlan
from pipeline.download.steps import MakeShard


def download_graph(
    pipeline: beam.Pipeline,
    plans: Sequence[ShardPlan],
    shards: str,
    config: DownloadConfig,
    roots: tuple[tuple[str, str], ...],
) -> None:
    _ = (
        pipeline
        | "CreateShardPlans" >> beam.Create(plans)
        | "SpreadShardPlans" >> beam.Reshuffle()  # else the plans stay fused on one worker
        | "MakeShards" >> beam.ParDo(MakeShard(shards, config, roots))
    )
