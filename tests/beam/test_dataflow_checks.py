"""A Dataflow job is checked before anything is sent: options, paths, and the graphs of the real jobs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.portability import common_urns
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from pipeline.balance import graph as balance_graph
from pipeline.balance import job as balance_job
from pipeline.balance.config import BalanceConfig
from pipeline.collect import job as collect_job
from pipeline.collect.config import CollectConfig
from pipeline.runners import runner
from pipeline.runners.dataflow.checks import build_proto, check_graph
from tests.conftest import write_queries

GOOD = {
    "project": "my-project", "region": "europe-west1", "temp_location": "gs://bucket/tmp",
    "sdk_container_image": "europe-docker.pkg.dev/my-project/webimagetext/worker:1",
}  # fmt: skip
URLS = SimpleNamespace(input="gs://b/a.parquet,gs://b/c.parquet", queries="gs://b/q", output="gs://b/o")


def arguments(**changed: str | None) -> list[str]:
    options = {**GOOD, **changed}
    return ["--runner=DataflowRunner", *(f"--{name}={value}" for name, value in options.items() if value is not None)]


def test_good_options_pass() -> None:
    runner.check_runner(URLS, arguments())
    runner.check_runner(URLS, [*arguments(sdk_container_image=None), "--extra_package=webimagetext-0.1.whl"])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"project": None}, "--project is missing"),
        ({"project": "P"}, "--project 'P' is malformed"),
        ({"region": None}, "--region is missing"),
        ({"region": "Europe"}, "--region 'Europe' is malformed"),
        ({"temp_location": None}, "--temp_location is missing"),
        ({"temp_location": "/tmp/x"}, "--temp_location '/tmp/x' is malformed"),
        ({"staging_location": "s3://x/y"}, "--staging_location 's3://x/y' is malformed"),
        ({"sdk_container_image": None}, "the workers need this package"),
        ({"num_workers": "4", "max_num_workers": "2"}, "--num_workers 4 is above --max_num_workers 2"),
        ({"regoin": "europe-west1"}, "unknown Beam option '--regoin=europe-west1'"),
    ],
)
def test_a_bad_option_is_named(changed: dict[str, str | None], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        runner.check_runner(URLS, arguments(**changed))


def test_a_path_of_this_machine_is_refused_but_only_for_dataflow() -> None:
    local = SimpleNamespace(input="gs://b/a.parquet,tables/b.parquet")
    with pytest.raises(ValueError, match=r"--input 'tables/b\.parquet' is a path of this machine"):
        runner.check_runner(local, arguments())
    with pytest.raises(ValueError, match="--failed 'shards'"):
        runner.check_runner(SimpleNamespace(failed=("gs://b/s", "shards")), arguments())
    runner.check_runner(local, [])


def test_the_graphs_of_collect_and_balance_run_on_dataflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []

    def check_then_run(build: Callable[[beam.Pipeline], Any], beam_args: Sequence[str]) -> dict[str, int]:
        options = runner.check_beam_options(arguments())
        pipeline = beam.Pipeline(runner=FnApiRunner(), options=options)
        build(pipeline)
        proto = build_proto(pipeline, options)
        check_graph(proto)
        images = {environment.payload for environment in proto.components.environments.values()}
        assert any(GOOD["sdk_container_image"].encode() in image for image in images)
        checked.append(len(proto.components.transforms))
        return runner.run_pipeline(build, beam_args)

    monkeypatch.setattr(collect_job, "run_pipeline", check_then_run)
    monkeypatch.setattr(balance_graph, "run_pipeline", check_then_run)
    pq.write_table(
        pa.table({"url": [f"http://a.example/{n}.jpg" for n in range(40)], "caption": ["red dog"] * 40}),
        tmp_path / "in.parquet",
    )
    queries = write_queries(tmp_path / "queries", ["red", "dog"])
    collect_job.run_collect(CollectConfig(input=f"{tmp_path}/in.parquet", queries=queries, output=f"{tmp_path}/c"), [])
    balance_job.run_balance(
        BalanceConfig(candidates=f"{tmp_path}/c", output=f"{tmp_path}/s", max_pairs_per_query=10), []
    )
    assert len(checked) >= 3
    assert min(checked) > 5


class Remember(beam.DoFn):
    STATE = ReadModifyWriteStateSpec("last", beam.coders.VarIntCoder())

    def process(self, element: tuple[int, int], last: Any = beam.DoFn.StateParam(STATE)) -> None:  # noqa: B008
        last.write(element[1])


def test_a_graph_with_state_or_another_environment_is_refused() -> None:
    options = runner.check_beam_options(arguments())
    pipeline = beam.Pipeline(runner=FnApiRunner(), options=options)
    _ = pipeline | beam.Create([(1, 2)]) | beam.ParDo(Remember())
    proto = build_proto(pipeline, options)
    with pytest.raises(ValueError, match="the graph requires"):
        check_graph(proto)
    del proto.requirements[:]
    check_graph(proto)
    next(iter(proto.components.environments.values())).urn = common_urns.environments.PROCESS.urn
    with pytest.raises(ValueError, match="expected a container image"):
        check_graph(proto)
