"""Beam's options: an unknown one is an error, and which runner they mean is known before a graph is built."""

from types import SimpleNamespace

import pytest

from pipeline.index.config import IndexConfig
from pipeline.runners.runner import (
    check_beam_options,
    check_runner,
    flink_parallelism,
    is_beam_option,
    is_embedded_flink,
    is_local,
    shares_disk,
)

CLOUD = ["--runner=DataflowRunner", "--project=my-project", "--region=europe-west1", "--temp_location=gs://bucket/tmp",
         "--sdk_container_image=image"]  # fmt: skip


@pytest.mark.parametrize("option", ["--direct_num_worker=2", "--parallelism_=2", "--output=x", "stray"])
def test_an_option_that_beam_does_not_know_is_named(option: str) -> None:
    with pytest.raises(ValueError, match=f"unknown Beam option '{option}' after '--'"):
        check_beam_options(["--direct_num_workers=2", option])


def test_a_value_that_beam_refuses_is_told() -> None:
    with pytest.raises(ValueError, match=r"Beam option: .*direct_num_workers"):
        check_beam_options(["--direct_num_workers=two"])


def test_words_of_a_command_line_are_told_apart() -> None:
    assert is_beam_option("--direct_num_workers=2")
    assert is_beam_option("--parallelism")
    assert not is_beam_option("--output=x")
    assert not is_beam_option("parallelism")


@pytest.mark.parametrize(
    ("arguments", "local", "embedded", "pieces"),
    [
        ([], True, False, None),
        (["--runner=DirectRunner"], True, False, None),
        (["--runner=FlinkRunner", "--flink_master=[local]", "--parallelism=3"], False, True, 3),
        (["--runner=FlinkRunner", "--flink_master=[auto]"], False, True, 1),
        (["--runner=FlinkRunner", "--flink_master=http://host:8081"], False, False, 1),
        (["--runner=FlinkRunner", "--flink_master=[local]", "--environment_type=DOCKER"], False, False, 1),
        (CLOUD, False, False, None),
    ],
    ids=["default", "direct", "embedded", "auto", "cluster", "containers", "Dataflow"],
)
def test_where_a_job_runs(arguments: list[str], local: bool, embedded: bool, pieces: int | None) -> None:
    assert is_local(arguments) == local
    assert is_embedded_flink(arguments) == embedded
    assert shares_disk(arguments) == (local or embedded)
    assert flink_parallelism(arguments) == pieces


def test_paths_of_this_machine_are_refused_for_dataflow_alone() -> None:
    config = SimpleNamespace(input="gs://bucket/a.csv", output="/here", failed=("gs://bucket/f", "/there"))
    check_runner(config, [])
    with pytest.raises(ValueError, match="--output '/here' is a path of this machine"):
        check_runner(config, CLOUD)
    config.output = "gs://bucket/out"
    with pytest.raises(ValueError, match="--failed '/there' is a path of this machine"):
        check_runner(config, CLOUD)


def test_the_folders_of_an_index_are_refused_for_dataflow_as_other_paths_are() -> None:
    check_runner(IndexConfig(shards=("gs://bucket/a,b", "gs://bucket/c")), CLOUD)
    check_runner(IndexConfig(shards=("/here",)), [])
    with pytest.raises(ValueError, match=r"^DataflowRunner: DIR 'here' is a path of this machine; give a gs:// URL"):
        check_runner(IndexConfig(shards=("gs://bucket/a", "here")), CLOUD)
    with pytest.raises(ValueError, match="--output '/index' is a path of this machine"):
        check_runner(IndexConfig(shards=("gs://bucket/a",), output="/index"), CLOUD)
