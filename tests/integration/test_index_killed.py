"""`pipeline index` killed with SIGKILL at moments of its progress: the same bytes in the end."""

import sys
from pathlib import Path

import pytest

from tests.support.folder_bytes import folder_bytes
from tests.support.killing import killed_at, run_to_end
from tests.support.small_shards import write_shards

TWO_PROCESSES = ("--", "--direct_num_workers=2", "--direct_running_mode=multi_processing")
NUM_TARS = 40


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "pipeline", "index", *map(str, arguments)]


@pytest.mark.parametrize(
    "beam_args",
    [pytest.param((), id="one process", marks=pytest.mark.slow), pytest.param(TWO_PROCESSES, id="two processes")],
)
def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path: Path, beam_args: tuple[str, ...]) -> None:
    shards = write_shards(tmp_path / "shards", 35 * NUM_TARS, 35)
    run_to_end(command(shards, "--output", tmp_path / "undisturbed"))
    output, killed = tmp_path / "killed", 0
    for quarter in range(4):
        options = ("--output", output, *beam_args)
        killed += killed_at(command(shards, *options), output, quarter / 4 * NUM_TARS, 0)
    run_to_end(command(shards, "--output", output, *beam_args))
    assert killed > 0
    assert folder_bytes(output) == folder_bytes(tmp_path / "undisturbed")
    assert not list(output.rglob(".tmp-*"))
    killed_at(command(shards, *beam_args), shards, 1.5 * NUM_TARS, 0)
    run_to_end(command(shards, *beam_args))
    assert (shards / "shard_index.parquet").read_bytes() == (output / "shard_index.parquet").read_bytes()
    assert len(list(shards.iterdir())) == NUM_TARS + 1
