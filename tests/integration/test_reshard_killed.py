"""`pipeline reshard` killed with SIGKILL at moments of its progress: the same bytes in the end."""

import sys
from pathlib import Path

import pytest

from tests.support.folder_bytes import folder_bytes
from tests.support.killing import killed_at, run_to_end
from tests.support.resharding import make_rounds

TWO_PROCESSES = ("--", "--direct_num_workers=2", "--direct_running_mode=multi_processing")


@pytest.mark.slow
@pytest.mark.parametrize("beam_args", [(), TWO_PROCESSES], ids=["one process", "two processes"])
def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path: Path, beam_args: tuple[str, ...]) -> None:
    shards = [str(path) for path in make_rounds(tmp_path)]

    def command(output: Path) -> list[str]:
        return [
            sys.executable, "-m", "pipeline", "reshard", "--shards", *shards, "--output", str(output),
            "--samples-per-shard", "1", *beam_args,
        ]  # fmt: skip

    run_to_end(command(tmp_path / "undisturbed"))
    output, killed = tmp_path / "killed", 0
    for num_files in (0, 3, 12, 30, 45):
        killed += killed_at(command(output), output, num_files, 0)
    run_to_end(command(output))
    assert killed > 0
    assert folder_bytes(output) == folder_bytes(tmp_path / "undisturbed")
    assert not list(output.rglob(".tmp-*"))
