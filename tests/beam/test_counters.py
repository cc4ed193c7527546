"""Every counter of a whole run stands in the report by its name and value."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.balance.config import BalanceConfig
from pipeline.balance.job import run_balance
from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from pipeline.explain.config import ExplainConfig
from pipeline.explain.job import run_explain
from schemas.storage import Folder
from tests.support.candidates_folder import read_selection, write_candidates, write_shards

Numbers = dict[str, int]


class Metrics:
    """What the jobs of a command counted, by name, summed over jobs."""

    def __init__(self) -> None:
        self.counters: Numbers = {}

    def run(self, build: Callable[[beam.Pipeline], object], beam_args: Sequence[str]) -> Numbers:
        """Stand where `run_pipeline` stands: the same run, but its result is kept."""
        pipeline = beam.Pipeline(runner=FnApiRunner())
        build(pipeline)
        result = pipeline.run()
        result.wait_until_finish()
        for counter in result.metrics().query()["counters"]:
            name = counter.key.metric.name
            self.counters[name] = self.counters.get(name, 0) + int(counter.result)
        return self.counters


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> Metrics:
    found = Metrics()
    for module in ("collect.job", "balance.graph", "explain.job"):
        monkeypatch.setattr(f"pipeline.{module}.run_pipeline", found.run)
    return found


def without_zeros(numbers: Numbers) -> Numbers:
    return {name: number for name, number in numbers.items() if number}


def prefixed(prefix: str, numbers: Numbers) -> Numbers:
    return {f"{prefix}_{name}": number for name, number in numbers.items()}


def collect_numbers(summary: dict[str, Any]) -> Numbers:
    return {
        **summary["counts"],
        **prefixed("rejected", summary["rejected_by_reason"]),
        **prefixed("dropped", summary["dropped_by_reason"]),
    }


def balance_numbers(summary: dict[str, Any]) -> Numbers:
    return {
        **summary["counts"],
        "expected_selected": round(summary["counts"]["expected_selected"]),
        **prefixed("queries", summary["queries"]),
        **prefixed("not_refillable", summary["not_refillable"]),
        "shards": summary["shards"]["count"],
    }


def distributions(selection: pa.Table) -> dict[str, Numbers]:
    of_pairs = [len(found) for found in selection["query_ids"].to_pylist()]
    of_images: Numbers = {}
    for key, matches in zip(selection["key"].to_pylist(), of_pairs, strict=True):
        of_images[key] = of_images.get(key, 0) + matches
    return {
        name: {"count": len(values), "sum": sum(values), "min": min(values), "max": max(values)}
        for name, values in (("matches_per_text", of_pairs), ("matches_per_image", list(of_images.values())))
    }


@pytest.mark.parametrize("split", [False, True])
def test_collect(
    split: bool,
    tmp_path: Path,
    metrics: Metrics,
    queries_folder: Callable[[list[str]], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [(f"http://images.example/{n % 50}.jpg", f"a red dog {n % 90}") for n in range(180)]
    rows += [(f"http://images.example/b{n}.jpg", "red") for n in range(9)]  # a caption of too many images
    rows += [(f"http://images.example/{n}.svg", "red dog") for n in range(5)]
    rows += rows[:60]
    rows += [("http://images.example/none.jpg", "xyzzy"), ("ftp://a/b", "red"), ("", "red"), ("http://a.example/c", "")]
    for name, part in (("a", rows[::2]), ("b", rows[1::2])):
        table = pa.table({"url": [url for url, _ in part], "TEXT": [text for _, text in part]})
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=20)
    if split:
        monkeypatch.setattr("pipeline.sources.tables.table_plan.SPLIT_BYTES", 1)  # a split per row group
        monkeypatch.setattr("pipeline.collect.job.PARTITION_BYTES", 2_000)
    config = CollectConfig(
        input=f"{tmp_path}/*.parquet", queries=queries_folder(["red", "dog"]), output=str(tmp_path / "c"),
        captions_per_image=2, max_images_per_caption=5, deny_file_types=("svg",),
    )  # fmt: skip
    summary = run_collect(config, [])["summary"]
    numbers = collect_numbers(summary)
    assert without_zeros(metrics.counters) == without_zeros(numbers)
    assert {"duplicates", "rejected_url_missing", "dropped_no_match", "dropped_repeated_caption"} <= numbers.keys()
    assert numbers["dropped_captions_per_image"] > 0
    assert numbers["duplicates"] > 0
    assert (summary["num_partitions"] > 1) == split


@pytest.mark.parametrize("mode", ["per_query_cap", "probabilistic"])
def test_balance_and_refill(mode: str, tmp_path: Path, metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.balance.limits.PARTITION_BYTES", 4_000)
    monkeypatch.setattr("pipeline.balance.counts.RANGE_QUERIES", 2)
    queries = [[0, *([1] if n % 2 else []), *([2] if n % 9 == 0 else [])] for n in range(300)]
    candidates = write_candidates(tmp_path, queries, ["of", "red", "dog", "cat", "none"], num_files=3)
    first = BalanceConfig(
        candidates=candidates, output=str(tmp_path / "s"), max_pairs_per_query=40, samples_per_shard=11, mode=mode
    )
    summary = run_balance(first, [])["summary"]
    assert without_zeros(metrics.counters) == without_zeros(balance_numbers(summary))
    selected = read_selection(first.output)
    assert summary["distributions"] == distributions(selected)

    keys = selected["key"].to_pylist()
    shards = write_shards(first.output, tmp_path / "shards", set(keys[::2]))
    metrics.counters.clear()
    refill = BalanceConfig(candidates=candidates, output=str(tmp_path / "r"), failed=(shards,))
    summary = run_balance(refill, [], Folder(first.output))["summary"]
    numbers = balance_numbers(summary)
    assert without_zeros(metrics.counters) == without_zeros(numbers)
    assert summary["distributions"] == distributions(read_selection(refill.output))
    assert numbers["selected_before"] > 0
    assert numbers["not_refillable_queries"] > 0


def test_explain(tmp_path: Path, metrics: Metrics) -> None:
    candidates = write_candidates(tmp_path, [[0], [0, 1], [0, 2]] * 9, ["of", "red", "dog", "none"])
    before = run_explain(ExplainConfig(candidates=candidates, max_pairs_per_query=9), [])["before"]
    numbers = {name: before[name] for name in ("candidates", "matches")}
    numbers |= {f"queries_{name}": before[name] for name in ("without_match", "up_to_cap", "over_cap")}
    assert without_zeros(metrics.counters) == without_zeros(numbers)
