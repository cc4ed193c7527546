"""The memory and disk a shuffle needs: near what its coding gives, and the way out that the error shows."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.runners.config import RunnerOptions
from pipeline.shuffle.elements import bounded
from pipeline.shuffle.estimate import ShuffleEstimate, estimate_shuffle
from pipeline.shuffle.exchange import encode
from pipeline.shuffle.room import check_room, flink_command
from schemas.storage import FileRecord, Folder
from schemas.tables import write_table

LARGE = ShuffleEstimate(rows=1_000_000, shuffled_bytes=10 << 30, tables=10_000_000)
PLENTY = 1 << 50
EMBEDDED = ["--runner=FlinkRunner", "--flink_master=[local]"]


def make_files(folder: Folder, num_files: int, rows: int) -> tuple[list[FileRecord], list[pa.Table]]:
    choose = np.random.default_rng(5)
    files, tables = [], []
    for number in range(num_files):
        captions = [" ".join(words) for words in choose.choice(["red", "dog", "of", "york", "house"], (rows, 6))]
        ids = [choose.bytes(16) for _ in range(rows)]
        table = pa.table({"pair_id": pa.array(ids, pa.binary(16)), "caption": captions})
        files.append(write_table(folder, f"{number}.parquet", table, table.schema))
        tables.append(table)
    return files, tables


@pytest.mark.parametrize("num_partitions", [1, 16])
@pytest.mark.parametrize("gathered_bytes", [20_000, 1 << 20])
def test_the_estimate_is_near_what_the_exchange_gets(tmp_path: Path, num_partitions: int, gathered_bytes: int) -> None:
    files, tables = make_files(Folder(str(tmp_path)), 6, 3000)
    coded = parked = 0
    for table in tables:
        rows = len(table) * gathered_bytes // table.nbytes + 1
        for begin in range(0, len(table), rows):
            gathered = table.slice(begin, rows)
            partition = np.frombuffer(b"".join(gathered["pair_id"].to_pylist()), np.uint8)[::16] % num_partitions
            for number in range(num_partitions):
                for piece in bounded(gathered.filter(pa.array(partition == number))):
                    coded += len(encode(piece))
                    parked += 1
    found = estimate_shuffle(Folder(str(tmp_path)), files, num_partitions, gathered_bytes)
    assert found.rows == 18_000
    assert coded / 2 < found.shuffled_bytes < coded * 2
    assert parked / 2 < found.tables < parked * 2
    assert found.peak_bytes < 200 << 20  # of a small input not what a large one may take


def test_nothing_to_shuffle_needs_nothing(tmp_path: Path) -> None:
    found = estimate_shuffle(Folder(str(tmp_path)), [], 4, 1 << 20)
    assert found.peak_bytes == found.shuffled_bytes == 0


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
