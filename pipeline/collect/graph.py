"""The Beam graphs of `pipeline collect`: extract, count captions, deduplicate."""

import apache_beam as beam
import pyarrow as pa

from pipeline.collect.steps import (
    ExtractSplit,
    Part,
    ReadCaptions,
    ReadPart,
    WritePartition,
    WriteRepeatedCaptions,
)
from pipeline.shuffle.exchange import GroupTables
from pipeline.sources.source import InputSplit


def extract_graph(pipeline: beam.Pipeline, splits: list[InputSplit], step: ExtractSplit) -> None:
    _ = (
        pipeline
        | "CreateSplits" >> beam.Create(splits)
        | "SpreadSplits" >> beam.Reshuffle()  # one bundle per split: Create gives them all to one worker
        | "ExtractSplit" >> beam.ParDo(step)
    )


def caption_graph(
    pipeline: beam.Pipeline, parts: list[Part], read: ReadCaptions, write: WriteRepeatedCaptions, exchange: str | None
) -> None:
    _ = (
        pipeline
        | "CreateCaptionParts" >> beam.Create(parts)
        | "SpreadCaptionParts" >> beam.Reshuffle()  # as above
        | "ReadCaptions" >> beam.ParDo(read).with_output_types(tuple[int, pa.Table])
        | "GroupByCaptionPartition" >> GroupTables(exchange)
        | "WriteRepeatedCaptions" >> beam.ParDo(write)
    )


def deduplicate_graph(
    pipeline: beam.Pipeline, parts: list[Part], read: ReadPart, write: WritePartition, exchange: str | None
) -> None:
    _ = (
        pipeline
        | "CreateParts" >> beam.Create(parts)
        | "SpreadParts" >> beam.Reshuffle()  # as above
        | "ReadPart" >> beam.ParDo(read).with_output_types(tuple[int, pa.Table])
        | "GroupByPartition" >> GroupTables(exchange)
        | "WritePartition" >> beam.ParDo(write)
    )
