"""The Beam graphs of `pipeline filter`: measure files; assign rows to clusters, compare those of each."""

import apache_beam as beam
import pyarrow as pa

from pipeline.shuffle.exchange import GroupTables
from pipeline.similarity.inputs import FeatureFile
from pipeline.similarity.steps import AssignFile, MeasureFile, WriteNear


def measure_graph(pipeline: beam.Pipeline, files: list[FeatureFile], step: MeasureFile) -> None:
    _ = (
        pipeline
        | "CreateFiles" >> beam.Create(files)
        | "SpreadFiles" >> beam.Reshuffle()  # else the files stay fused on one worker
        | "MeasureFile" >> beam.ParDo(step)
    )


def near_graph(
    pipeline: beam.Pipeline, files: list[FeatureFile], assign: AssignFile, write: WriteNear, exchange: str | None
) -> None:
    _ = (
        pipeline
        | "CreateMeasuredFiles" >> beam.Create(files)
        | "SpreadMeasuredFiles" >> beam.Reshuffle()  # as above
        | "AssignFile" >> beam.ParDo(assign).with_output_types(tuple[int, pa.Table])
        | "GroupByPartition" >> GroupTables(exchange)
        | "WriteNear" >> beam.ParDo(write)
    )
