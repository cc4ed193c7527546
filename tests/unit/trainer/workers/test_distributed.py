"""Who a process is among the workers, and which rows of a batch it holds."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.support.process_tree import NEEDS_PROC, wait_until_gone
from tests.support.worker_group import on_workers
from trainer.workers.distributed import World, join_world, leave_world, local_rows


@given(st.integers(0, 100_000), st.integers(1, 64))
def test_workers_share_the_batch_evenly_without_gaps(batch: int, size: int) -> None:
    parts = [local_rows(batch, rank, size) for rank in range(size)]
    assert parts[0][0] == 0
    assert parts[-1][1] == batch
    assert all(left[1] == right[0] for left, right in pairwise(parts))
    sizes = [stop - start for start, stop in parts]
    assert max(sizes) - min(sizes) <= 1


@given(st.integers(0, 1_000), st.integers(1, 64), st.integers(1, 128))
def test_rows_that_stay_together_are_not_parted(groups: int, size: int, together: int) -> None:
    batch = groups * together
    parts = [World(rank, size, torch.device("cpu"), together).rows(batch) for rank in range(size)]
    assert parts[0][0] == 0
    assert parts[-1][1] == batch
    assert all(left[1] == right[0] and left[1] % together == 0 for left, right in pairwise(parts))
    sizes = [stop - start for start, stop in parts]
    assert max(sizes) - min(sizes) in (0, together)


def test_a_batch_of_broken_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a global batch in whole groups of 4 rows, found 10 rows"):
        local_rows(10, 0, 2, 4)


def test_one_process_is_a_world_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    world = join_world(use_gpu=False)
    assert (world.rank, world.size, world.device.type, world.first) == (0, 1, "cpu", True)
    world.barrier()
    values = torch.tensor([2.5, 7.0])
    world.add_up(values)
    world.copy_of_first(values)
    assert values.tolist() == [2.5, 7.0]
    assert world.from_first(lambda: b"read") == b"read"
    leave_world(world)


def test_one_worker_writes() -> None:
    assert [World(rank, 2, torch.device("cpu")).first for rank in (0, 1)] == [True, False]


WORKER = """
import os, time
from trainer.workers.distributed import end_with_launcher
end_with_launcher()
print(os.getpid(), flush=True)
time.sleep(1800)
"""


@NEEDS_PROC
def test_a_worker_ends_with_its_launcher() -> None:
    launcher = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WORKER!r}])"
    with subprocess.Popen([sys.executable, "-c", launcher], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        process.kill()
    wait_until_gone([worker])


def tell_of_two(world: World, _: None) -> list[str]:
    rank = world.rank
    found = [world.from_first(lambda: b"\x00read once" if rank == 0 else b"never asked").hex()]
    found.append(world.from_first(lambda: b"").hex())

    def fail() -> bytes:
        raise OSError("the file is not there")

    try:
        world.from_first(fail)
    except (OSError, ValueError) as error:
        found.append(f"{type(error).__name__}: {error}")
    values = torch.tensor([rank + 1.0, 2.0])
    world.add_up(values)
    found.append(str(values.tolist()))
    world.copy_of_first(values.fill_(rank))
    found.append(str(values.tolist()))
    return found


def test_two_workers_have_what_the_first_read_or_its_error(tmp_path: Path) -> None:
    (told,) = on_workers(tell_of_two, [(2, None)], tmp_path)
    for found, kind in zip(told, ("OSError", "ValueError"), strict=True):
        assert found == [
            b"\x00read once".hex(), "", f"{kind}: the file is not there", "[3.0, 4.0]", "[0.0, 0.0]",
        ]  # fmt: skip
