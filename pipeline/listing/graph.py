"""The Beam graphs of a listing: the input to parts; the parts to plans of images."""

import apache_beam as beam
import pyarrow as pa

from pipeline.balance.settings import Settings, ShardRange
from pipeline.balance.steps.layout import PlanShards, WriteShardPlans
from pipeline.collect.steps import Part, ReadPart
from pipeline.listing.steps import ListSplit, WriteImages
from pipeline.shuffle.exchange import GroupTables
from pipeline.sources.source import InputSplit


def list_graph(pipeline: beam.Pipeline, splits: list[InputSplit], step: ListSplit) -> None:
    _ = (
        pipeline
        | "CreateSplits" >> beam.Create(splits)
        | "SpreadSplits" >> beam.Reshuffle()  # one bundle per split: Create gives them all to one worker
        | "ListSplit" >> beam.ParDo(step)
    )


def plan_graph(
    pipeline: beam.Pipeline, parts: list[Part], read: ReadPart, settings: Settings, exchange: str | None
) -> None:
    """Write the partitions of images in order, then one plan per shard."""
    images = (
        pipeline
        | "CreateParts" >> beam.Create(parts)
        | "SpreadParts" >> beam.Reshuffle()  # as above
        | "ReadPart" >> beam.ParDo(read).with_output_types(tuple[int, pa.Table])
        | "GroupByPartition" >> GroupTables(exchange)
        | "WriteImages" >> beam.ParDo(WriteImages(settings.output_url, settings.extra))
    )
    plan = beam.ParDo(PlanShards(settings), beam.pvalue.AsList(images)).with_output_types(ShardRange)
    ranges = pipeline | "CreatePlan" >> beam.Create([0]) | "PlanShards" >> plan
    spread = ranges | "SpreadRanges" >> beam.Reshuffle()  # one element made them all
    _ = spread | "WriteShardPlans" >> beam.ParDo(WriteShardPlans(settings.output_url, settings.extra))
