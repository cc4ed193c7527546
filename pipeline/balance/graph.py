"""The Beam job of balance, readable top to bottom: three passes over the candidates, then the layout in shards.

All of it is one job, because starting workers costs seconds::

    files -> count matches, decide limits -.
    files -> rank below bounds (waits) -> thresholds -.
    files -> select (waits) -> by partition of images -> shards
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import apache_beam as beam
import pyarrow as pa

from pipeline.balance.counts import sum_counts
from pipeline.balance.limits import decide_limits, read_languages, write_limits
from pipeline.balance.settings import COUNTS, MATCHED, CandidateFile, Settings, ShardRange
from pipeline.balance.steps.counting import CountMatches, DecideLimits, matched_counters
from pipeline.balance.steps.layout import PlanShards, WriteSelected, WriteShardPlans
from pipeline.balance.steps.passes import NAMESPACE
from pipeline.balance.steps.selecting import SelectPairs, selected_counters
from pipeline.balance.steps.shared_state import SharedState
from pipeline.balance.steps.sums import SumCounts, WriteSum, has_sums
from pipeline.balance.steps.thresholds import CountMissing, RankBelowBound, WriteThresholds
from pipeline.balance.steps.totals import SumTotals, Totals, WriteTotals
from pipeline.runners.runner import run_pipeline
from pipeline.shuffle.exchange import GroupTables, exchange_folder
from schemas.storage import Folder


def balance(files: list[CandidateFile], settings: Settings, beam_args: Sequence[str]) -> None:
    """Run the job; once more, with bounds twice as high, when a query found fewer pairs below its bound than it keeps.

    Ranks are uniform, so that happens in less than one of 10^14 runs.
    """
    output = Folder(settings.output_url)
    if not files:
        write_limits(output, decide_limits(sum_counts([]), settings, read_languages(output)))
        return
    with exchange_folder(output, beam_args) as exchange:
        run_pipeline(partial(balance_graph, files=files, settings=settings, exchange=exchange), beam_args)
    if not has_sums(output, COUNTS):
        balance(files, replace(settings, factor=2 * settings.factor), beam_args)


def balance_graph(
    pipeline: beam.Pipeline, files: list[CandidateFile], settings: Settings, exchange: str | None
) -> None:
    """Build the job over `files`, which may not be none; `exchange` as `pipeline.shuffle.exchange` gives it."""
    shared = SharedState(settings)
    spread = spread_files(pipeline, files)
    missing = count_graph(spread, shared)
    if settings.mode == "per_query_cap":
        missing = _threshold_graph(spread, missing, shared, exchange)
    selected = _select_graph(spread, missing, shared)
    _layout_graph(pipeline, selected, settings, exchange)


def spread_files(pipeline: beam.Pipeline, files: list[CandidateFile]) -> beam.PCollection:
    """Return the files as elements."""
    created = pipeline | "CreateFiles" >> beam.Create(files)
    return created | "SpreadFiles" >> beam.Reshuffle()  # one bundle per file: Create gives them all to one worker


def count_graph(files: beam.PCollection, shared: SharedState) -> beam.PCollection:
    """Pass 1: write the limits; return 0 when they are written."""
    settings = shared.settings
    counts = files | "CountMatches" >> beam.ParDo(CountMatches(shared)).with_output_types(tuple[int, pa.Table])
    ranges = counts | "SumMatches" >> SumCounts(WriteSum(settings.output_url, MATCHED, NAMESPACE, matched_counters))
    written = ranges | "WaitForMatches" >> beam.CombineGlobally(beam.combiners.CountCombineFn()).without_defaults()
    return written | "DecideLimits" >> beam.ParDo(DecideLimits(settings))


def _threshold_graph(
    files: beam.PCollection, decided: beam.PCollection, shared: SharedState, exchange: str | None
) -> beam.PCollection:
    """Pass 2: write the thresholds; return the number of queries that lack theirs."""
    rank = beam.ParDo(RankBelowBound(shared), beam.pvalue.AsSingleton(decided))
    return (
        files
        | "RankBelowBound" >> rank.with_output_types(tuple[int, pa.Table])
        | "GroupByQueryPartition" >> GroupTables(exchange)
        | "WriteThresholds" >> beam.ParDo(WriteThresholds(shared))
        | "SumThresholds" >> beam.CombineGlobally(sum).without_defaults()
        | "CountMissing" >> beam.ParDo(CountMissing(shared))
    )


def _select_graph(files: beam.PCollection, missing: beam.PCollection, shared: SharedState) -> beam.PCollection:
    """Pass 3: return (partition, selected pairs); write the counts and the totals."""
    found = files | "SelectPairs" >> (
        beam.ParDo(SelectPairs(shared), beam.pvalue.AsSingleton(missing))
        .with_output_types(
            tuple[int, pa.Table], **{SelectPairs.COUNTS: tuple[int, pa.Table], SelectPairs.TOTALS: Totals}
        )
        .with_outputs(SelectPairs.COUNTS, SelectPairs.TOTALS, main=SelectPairs.SELECTED)
    )
    output_url = shared.settings.output_url
    write = WriteSum(output_url, COUNTS, NAMESPACE, selected_counters)
    _ = found[SelectPairs.COUNTS] | "SumSelected" >> SumCounts(write)
    _ = found[SelectPairs.TOTALS] | "SumTotals" >> SumTotals(WriteTotals(output_url, NAMESPACE))
    return found[SelectPairs.SELECTED]


def _layout_graph(
    pipeline: beam.Pipeline, selected: beam.PCollection, settings: Settings, exchange: str | None
) -> None:
    """Write the partitions of images in order, then one plan per shard."""
    grouped = selected | "GroupByPartition" >> GroupTables(exchange)
    images = grouped | "WriteSelected" >> beam.ParDo(WriteSelected(settings.output_url))
    plan = beam.ParDo(PlanShards(settings), beam.pvalue.AsList(images)).with_output_types(ShardRange)
    ranges = pipeline | "CreatePlan" >> beam.Create([0]) | "PlanShards" >> plan
    spread = ranges | "SpreadRanges" >> beam.Reshuffle()  # one element made them all
    _ = spread | "WriteShardPlans" >> beam.ParDo(WriteShardPlans(settings.output_url, settings.extra))
