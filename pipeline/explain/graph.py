"""The Beam graphs of `pipeline explain`: what is asked of the candidates, then the ranks of the pairs found."""

import apache_beam as beam
import pyarrow as pa

from pipeline.balance.graph import count_graph, spread_files
from pipeline.balance.settings import CandidateFile, Settings
from pipeline.balance.steps.passes import NAMESPACE
from pipeline.balance.steps.shared_state import SharedState
from pipeline.balance.steps.sums import SumCounts, WriteSum, nothing
from pipeline.balance.steps.totals import SumTotals, Totals, WriteTotals
from pipeline.explain.steps import LOWER, CountLower, ExpectSize, FindPairs


def facts_graph(
    pipeline: beam.Pipeline, files: list[CandidateFile], settings: Settings, asked: tuple[str, bytes, str] | None
) -> None:
    shared = SharedState(settings)
    spread = spread_files(pipeline, files)
    decided = count_graph(spread, shared)
    expect = beam.ParDo(ExpectSize(shared), beam.pvalue.AsSingleton(decided))
    totals = spread | "ExpectSize" >> expect.with_output_types(Totals)
    _ = totals | "SumExpected" >> SumTotals(WriteTotals(settings.output_url, None))
    if asked is not None:
        _ = spread | "FindPairs" >> beam.ParDo(FindPairs(shared, asked[0], asked[1]))


def lower_graph(pipeline: beam.Pipeline, files: list[CandidateFile], settings: Settings) -> None:
    count = beam.ParDo(CountLower(SharedState(settings))).with_output_types(tuple[int, pa.Table])
    lower = spread_files(pipeline, files) | "CountLower" >> count
    _ = lower | "SumLower" >> SumCounts(WriteSum(settings.output_url, LOWER, NAMESPACE, nothing))
