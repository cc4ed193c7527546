"""Whether a shuffle has room: told with what is needed, what is there, and what to do."""

from pathlib import Path

import pytest

from pipeline.runners.config import RunnerOptions
from pipeline.shuffle.estimate import ShuffleEstimate
from pipeline.shuffle.room import FLINK_BUNDLE_BYTES, check_room, flink_command
from schemas.storage import Folder

GB = 10**9
FLINK = ["--runner=FlinkRunner", "--flink_master=http://host:8081", "--parallelism=2"]


class Estimate(ShuffleEstimate):
    """One whose memory is said."""

    def __init__(self, shuffled: int, peak: int) -> None:
        super().__init__(rows=7, shuffled_bytes=shuffled, tables=1)
        object.__setattr__(self, "_peak", peak)

    @property
    def peak_bytes(self) -> int:
        return self._peak  # type: ignore[attr-defined,no-any-return]


def check(output: Path, found: ShuffleEstimate, *beam_args: str, force: bool = False, free: int = 10 * GB) -> None:
    check_room("collect", found, RunnerOptions(force=force), Folder(str(output)), beam_args, 10 * GB, free)


def test_up_to_the_shares_it_may_start_and_beyond_them_it_may_not(tmp_path: Path) -> None:
    check(tmp_path, Estimate(9 * GB, 6 * GB))
    with pytest.raises(ValueError, match=r"collect: shuffling 7 pairs needs about 9\.0 GB of disk in .* 10\.0 GB"):
        check(tmp_path, Estimate(9 * GB + 1, 0))
    with pytest.raises(ValueError, match=r"about 6\.0 GB of memory on Beam's local runner, .* --runner=FlinkRunner"):
        check(tmp_path, Estimate(0, 6 * GB + 1))


def test_with_force_nothing_is_said(tmp_path: Path) -> None:
    check(tmp_path, Estimate(99 * GB, 99 * GB), force=True)


def test_an_embedded_flink_spills_to_the_disk(tmp_path: Path) -> None:
    embedded = ("--runner=FlinkRunner", "--flink_master=[local]")
    check(tmp_path, Estimate(GB, 99 * GB), *embedded)
    with pytest.raises(ValueError, match="of disk"):
        check(tmp_path, Estimate(GB, 0), *embedded, free=GB)


def test_a_piece_of_a_cluster_takes_so_much_and_no_more(tmp_path: Path) -> None:
    check(tmp_path, Estimate(2 * FLINK_BUNDLE_BYTES, 99 * GB), *FLINK, free=0)
    with pytest.raises(ValueError, match=r"needs about --parallelism=3 on Flink, found 2: .* hang"):
        check(tmp_path, Estimate(2 * FLINK_BUNDLE_BYTES + 1, 0), *FLINK)


@pytest.mark.parametrize(
    ("arguments", "begin"),
    [
        (["/x/bin/pipeline", "run", "--input", "a b", "--", "--direct_num_workers=2"], "pipeline run --input 'a b' --"),
        (["/x/pipeline/__main__.py", "collect"], "python -m pipeline collect -- "),
    ],
    ids=["installed", "module"],
)  # fmt: skip
def test_the_advice_is_a_command_line(arguments: list[str], begin: str) -> None:
    found = flink_command(arguments)
    assert found.startswith(begin)
    assert "--direct_num_workers" not in found
    assert "--flink_master=[local]" in found.replace("'", "")


LARGE = ShuffleEstimate(rows=1_000_000, shuffled_bytes=10 << 30, tables=10_000_000)
PLENTY = 1 << 50
EMBEDDED = ["--runner=FlinkRunner", "--flink_master=[local]"]


def check_large(
    options: RunnerOptions, output: Folder, beam_args: list[str], available: int = PLENTY, free: int = PLENTY
) -> None:
    check_room("deduplicate", LARGE, options, output, beam_args, available, free)


def test_a_shuffle_above_the_limit_is_stopped_with_the_flink_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/pipeline", "collect", "--input", "a b/*.parquet", "--", "--x=1"])
    output = Folder(str(tmp_path))
    memory = int(LARGE.peak_bytes / 0.6)
    check_large(RunnerOptions(), output, [], available=memory + 2)
    with pytest.raises(ValueError, match=r"deduplicate: shuffling 1000000 pairs needs .* of memory on") as error:
        check_large(RunnerOptions(), output, [], available=memory - 2)
    command = "pipeline collect --input 'a b/*.parquet' -- --runner=FlinkRunner '--flink_master=[local]'"
    assert f"{command} --flink_version=1.19 --parallelism=" in str(error.value)
    assert "--force" in str(error.value)


@pytest.mark.parametrize(
    "beam_args", [[], ["--direct_num_workers=2"], ["--runner=FlinkRunner", "--flink_master=[local]"]]
)
def test_a_full_disk_is_told_before(tmp_path: Path, beam_args: list[str]) -> None:
    disk = int(LARGE.shuffled_bytes / 0.9)
    check_large(RunnerOptions(), Folder(str(tmp_path)), beam_args, free=disk + 2)
    with pytest.raises(ValueError, match=r"10.7 GB of disk in .*, more than 90% of the 11.9 GB free; make room"):
        check_large(RunnerOptions(), Folder(str(tmp_path)), beam_args, free=disk - 2)


def test_pieces_too_large_for_a_flink_cluster(tmp_path: Path) -> None:
    cluster = ["--runner=FlinkRunner", "--flink_master=http://127.0.0.1:8081"]
    check_large(RunnerOptions(), Folder(str(tmp_path)), [*cluster, "--parallelism=11"], available=1, free=1)
    with pytest.raises(
        ValueError, match=r"needs about --parallelism=11 on Flink, found 1: a piece of more than 1.0 GB"
    ):
        check_large(RunnerOptions(), Folder(str(tmp_path)), cluster)


def test_force_and_other_runners_are_not_stopped(tmp_path: Path) -> None:
    output = Folder(str(tmp_path))
    check_large(RunnerOptions(force=True), output, [], available=1, free=1)
    check_large(RunnerOptions(), output, ["--runner=DataflowRunner"], available=1, free=1)
    check_large(RunnerOptions(), output, EMBEDDED, available=1)


def test_the_command_of_a_module_run() -> None:
    found = flink_command(["/x/pipeline/__main__.py", "balance", "--output", "s"])
    assert found.startswith("python -m pipeline balance --output s -- --runner=FlinkRunner ")
