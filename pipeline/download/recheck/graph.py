"""The Beam graph of `pipeline download --recheck`."""

from collections.abc import Sequence

import apache_beam as beam

from pipeline.download.config import DownloadConfig
from pipeline.download.recheck.plan import RecheckPlan
from pipeline.download.recheck.steps import AskPlan


def recheck_graph(pipeline: beam.Pipeline, plans: Sequence[RecheckPlan], work: str, config: DownloadConfig) -> None:
    _ = (
        pipeline
        | "CreateRecheckPlans" >> beam.Create(plans)
        | "SpreadRecheckPlans" >> beam.Reshuffle()  # else the plans stay fused on one worker
        | "AskPlans" >> beam.ParDo(AskPlan(work, config))
    )
