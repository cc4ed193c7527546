"""The Beam graph of `pipeline index`."""

import apache_beam as beam

from pipeline.index.steps import IndexTars
from schemas.tar_index import TarToIndex


def index_graph(pipeline: beam.Pipeline, tars: list[TarToIndex], work: str) -> None:
    _ = (
        pipeline
        | "CreateTars" >> beam.Create(tars)
        | "SpreadTars" >> beam.Reshuffle()  # else the tars stay fused on one worker
        | "IndexTars" >> beam.ParDo(IndexTars(work))
    )
