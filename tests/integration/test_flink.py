"""Collect and balance on an embedded Flink: the same bytes as on Beam's local runner."""

import random
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.metrics import Metrics

from pipeline.balance.config import BalanceConfig
from pipeline.balance.job import run_balance
from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from pipeline.runners.failures import JobFailed, names_element
from pipeline.runners.runner import run_pipeline
from tests.conftest import write_queries
from tests.support.flink import find_job_server_jar
from tests.support.folder_bytes import folder_bytes

pytestmark = pytest.mark.flink

WORDS = ["red", "blue", "dog", "cat", "of", "new york"]


@pytest.fixture(scope="module")
def job_server_jar() -> str:
    return find_job_server_jar()


def test_embedded_flink_gives_the_same_bytes(tmp_path: Path, job_server_jar: str) -> None:
    choose = random.Random(3)
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        captions = [" ".join(choose.choices([*WORDS, "xyzzy"], k=4)) for _ in range(2000)]
        urls = [f"http://images.example/{choose.randrange(3000)}.jpg" for _ in captions]
        pq.write_table(pa.table({"url": urls, "caption": captions}), tmp_path / "in" / f"{name}.parquet")
    queries = write_queries(tmp_path / "queries", WORDS)
    flink = ["--runner=FlinkRunner", "--flink_master=[local]", f"--flink_job_server_jar={job_server_jar}",
             "--parallelism=2"]  # fmt: skip
    for name, beam_args in (("local", []), ("flink", flink)):
        collect = CollectConfig(
            input=f"{tmp_path}/in/*.parquet", queries=queries, output=str(tmp_path / name / "candidates")
        )
        run_collect(collect, beam_args)
        balance = BalanceConfig(
            candidates=collect.output, output=str(tmp_path / name / "selection"), max_pairs_per_query=150,
            samples_per_shard=100,
        )  # fmt: skip
        run_balance(balance, beam_args)
    assert folder_bytes(tmp_path / "flink") == folder_bytes(tmp_path / "local")


class CountThenFail(beam.DoFn):
    @names_element
    def process(self, element: int) -> list[int]:
        Metrics.counter("test", "elements_seen").inc()
        if element < 0:
            raise OSError("a disk is gone\nand its mirror")
        return [element]


def run_counting(elements: list[int], job_server_jar: str) -> dict[str, int]:
    def build(pipeline: beam.Pipeline) -> None:
        _ = pipeline | beam.Create(elements) | beam.Reshuffle() | "CountThenFail" >> beam.ParDo(CountThenFail())

    flink = ["--runner=FlinkRunner", "--flink_master=[local]", f"--flink_job_server_jar={job_server_jar}"]
    return run_pipeline(build, flink)


def test_counters_come_back_and_a_failure_is_told_in_one_line(job_server_jar: str) -> None:
    assert run_counting(list(range(10)), job_server_jar)["elements_seen"] == 10
    with pytest.raises(JobFailed) as error:
        run_counting([1, -1], job_server_jar)
    assert str(error.value) == "int: OSError: a disk is gone and its mirror [while running 'CountThenFail']"
