"""The memory a shuffle needs: near what its coding gives, and the way out that the error shows."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.runner_config import RunnerOptions
from pipeline.shuffle_estimate import ShuffleEstimate, check_memory, estimate_shuffle, flink_command
from pipeline.tables import ArrowTableCoder, bounded
from schemas.storage import FileRecord, Folder
from schemas.tables import write_table

LARGE = ShuffleEstimate(rows=1_000_000, shuffled_bytes=10 << 30)


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
def test_the_estimate_is_near_what_the_coder_gives(tmp_path: Path, num_partitions: int) -> None:
    files, tables = make_files(Folder(str(tmp_path)), 6, 3000)
    coded = 0
    for table in tables:
        partition = np.frombuffer(b"".join(table["pair_id"].to_pylist()), np.uint8)[::16] % num_partitions
        for number in range(num_partitions):
            for piece in bounded(table.filter(pa.array(partition == number))):
                coded += len(ArrowTableCoder().encode(piece))
    found = estimate_shuffle(Folder(str(tmp_path)), files, num_partitions)
    assert found.rows == 18_000
    assert coded / 1.5 < found.shuffled_bytes < coded * 1.5
    half = estimate_shuffle(Folder(str(tmp_path)), files, num_partitions, max_rows=9_000)
    assert half.rows == 9_000
    assert abs(half.shuffled_bytes * 2 - found.shuffled_bytes) <= 1


def test_nothing_to_shuffle_needs_nothing(tmp_path: Path) -> None:
    assert estimate_shuffle(Folder(str(tmp_path)), [], 4).peak_bytes == 0


def test_a_shuffle_above_the_limit_is_stopped_with_the_flink_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/pipeline", "collect", "--input", "a b/*.parquet", "--", "--x=1"])
    needed = LARGE.peak_bytes
    check_memory("deduplicate", LARGE, RunnerOptions(), [], available=int(needed / 0.6) + 2)
    with pytest.raises(ValueError, match="deduplicate: shuffling 1000000 pairs") as error:
        check_memory("deduplicate", LARGE, RunnerOptions(), [], available=int(needed / 0.6) - 2)
    assert (
        "pipeline collect --input 'a b/*.parquet' -- --runner=FlinkRunner '--flink_master=[local]' --parallelism="
        in str(error.value)
    )
    assert "--force" in str(error.value)


def test_force_and_other_runners_are_not_stopped() -> None:
    check_memory("deduplicate", LARGE, RunnerOptions(force=True), [], available=1)
    check_memory("deduplicate", LARGE, RunnerOptions(), ["--runner=FlinkRunner"], available=1)
    with pytest.raises(ValueError, match="deduplicate"):
        check_memory("deduplicate", LARGE, RunnerOptions(), ["--direct_num_workers=2"], available=1)


def test_the_command_of_a_module_run() -> None:
    found = flink_command(["/x/pipeline/__main__.py", "balance", "--output", "s"])
    assert found.startswith("python -m pipeline balance --output s -- --runner=FlinkRunner ")
