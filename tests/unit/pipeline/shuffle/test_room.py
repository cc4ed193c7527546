"""Whether a shuffle has room: the limit of each of memory, disk and Flink's pieces, and the way out the error shows."""

from pathlib import Path

import pytest

from pipeline.runners.config import RunnerOptions
from pipeline.shuffle.estimate import ShuffleEstimate
from pipeline.shuffle.room import check_room, flink_command
from schemas.storage import Folder

LARGE = ShuffleEstimate(rows=1_000_000, shuffled_bytes=10 << 30, tables=10_000_000)
PLENTY = 1 << 50
EMBEDDED = ["--runner=FlinkRunner", "--flink_master=[local]"]


def check(
    options: RunnerOptions, output: Folder, beam_args: list[str], available: int = PLENTY, free: int = PLENTY
) -> None:
    check_room("deduplicate", LARGE, options, output, beam_args, available, free)


def test_a_shuffle_above_the_limit_is_stopped_with_the_flink_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/pipeline", "collect", "--input", "a b/*.parquet", "--", "--x=1"])
    output = Folder(str(tmp_path))
    memory = int(LARGE.peak_bytes / 0.6)
    check(RunnerOptions(), output, [], available=memory + 2)
    with pytest.raises(ValueError, match=r"deduplicate: shuffling 1000000 pairs needs .* of memory on") as error:
        check(RunnerOptions(), output, [], available=memory - 2)
    command = "pipeline collect --input 'a b/*.parquet' -- --runner=FlinkRunner '--flink_master=[local]'"
    assert f"{command} --flink_version=1.19 --parallelism=" in str(error.value)
    assert "--force" in str(error.value)


@pytest.mark.parametrize(
    "beam_args", [[], ["--direct_num_workers=2"], ["--runner=FlinkRunner", "--flink_master=[local]"]]
)
def test_a_full_disk_is_told_before(tmp_path: Path, beam_args: list[str]) -> None:
    disk = int(LARGE.shuffled_bytes / 0.9)
    check(RunnerOptions(), Folder(str(tmp_path)), beam_args, free=disk + 2)
    with pytest.raises(ValueError, match=r"10.7 GB of disk in .*, more than 90% of the 11.9 GB free; make room"):
        check(RunnerOptions(), Folder(str(tmp_path)), beam_args, free=disk - 2)


def test_pieces_too_large_for_a_flink_cluster(tmp_path: Path) -> None:
    cluster = ["--runner=FlinkRunner", "--flink_master=http://127.0.0.1:8081"]
    check(RunnerOptions(), Folder(str(tmp_path)), [*cluster, "--parallelism=11"], available=1, free=1)
    with pytest.raises(
        ValueError, match=r"needs about --parallelism=11 on Flink, found 1: a piece of more than 1.0 GB"
    ):
        check(RunnerOptions(), Folder(str(tmp_path)), cluster)


def test_force_and_other_runners_are_not_stopped(tmp_path: Path) -> None:
    output = Folder(str(tmp_path))
    check(RunnerOptions(force=True), output, [], available=1, free=1)
    check(RunnerOptions(), output, ["--runner=DataflowRunner"], available=1, free=1)
    check(RunnerOptions(), output, EMBEDDED, available=1)


def test_the_command_of_a_module_run() -> None:
    found = flink_command(["/x/pipeline/__main__.py", "balance", "--output", "s"])
    assert found.startswith("python -m pipeline balance --output s -- --runner=FlinkRunner ")
