"""Who this process is among the workers; nothing here knows of Ray."""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class World:
    """Rank and number of the workers, and this worker's device."""

    rank: int
    size: int
    device: torch.device
    rows_together: int = 1
    """The rows of a global batch are shared out in so many at a time: what BatchNorm sees at once."""

    def rows(self, global_batch_size: int) -> tuple[int, int]:
        """Return the rows [start, stop) of the global batch that this worker holds."""
        return local_rows(global_batch_size, self.rank, self.size, self.rows_together)

    @property
    def first(self) -> bool:
        """Whether this worker writes the files and the progress."""
        return self.rank == 0

    def barrier(self) -> None:
        if self.size > 1:
            dist.barrier(device_ids=[self.device.index] if self.device.type == "cuda" else None)

    def add_up(self, values: torch.Tensor) -> None:
        """Put the sum over the workers in place of `values`; waits for no device."""
        if self.size > 1:
            dist.all_reduce(values)

    def copy_of_first(self, values: torch.Tensor) -> None:
        """Put the values of the first worker in place of `values`."""
        if self.size > 1:
            dist.broadcast(values, 0)

    def from_first(self, make: Callable[[], bytes]) -> bytes:
        """Return on all workers what `make` gives on the first. Its ValueError or OSError is raised on all of them."""
        if self.size == 1:
            return make()
        failure: ValueError | OSError | None = None
        data = torch.empty(0, dtype=torch.uint8)
        if self.first:
            try:
                made = make()
            except (ValueError, OSError) as error:
                made, failure = str(error).encode(), error
            data = torch.tensor(list(made), dtype=torch.uint8)
        told = torch.tensor([len(data), failure is not None], dtype=torch.int64, device=self.device)
        self.copy_of_first(told)
        num_bytes, failed = told.tolist()
        data = data.to(self.device) if self.first else torch.empty(num_bytes, dtype=torch.uint8, device=self.device)
        if num_bytes:
            self.copy_of_first(data)
        found = data.cpu().numpy().tobytes()
        if failed:
            raise failure or ValueError(found.decode())
        return found

    def first_failure(self, failure: str) -> str:
        """Return on all workers what the first one that failed tells; "" where `failure` is "" on all of them."""
        if self.size == 1:
            return failure
        body = failure.encode()
        sizes = torch.zeros(self.size, dtype=torch.int64, device=self.device)
        sizes[self.rank] = len(body)
        self.add_up(sizes)
        failed = sizes.nonzero().flatten().tolist()
        if not failed:
            return ""
        told = torch.empty(int(sizes[failed[0]]), dtype=torch.uint8, device=self.device)
        if self.rank == failed[0]:
            told.copy_(torch.tensor(list(body), dtype=torch.uint8))
        dist.broadcast(told, failed[0])
        return told.cpu().numpy().tobytes().decode()


def join_world(*, use_gpu: bool, timeout_s: float = 1_800.0) -> World:
    """Return the world of this process: an initialised group (Ray), torchrun's environment, or one process.

    Workers that wait for one that is gone give up after `timeout_s` (Ray's group has its own).
    """
    device = torch.device("cpu")
    if use_gpu:
        if not torch.cuda.device_count():
            raise ValueError("device cuda takes a GPU, this machine has none that torch can use; give --device cpu")
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
        torch.cuda.set_device(device)
    if not dist.is_initialized() and "TORCHELASTIC_RUN_ID" in os.environ:
        end_with_launcher()
        # with its device NCCL connects at once, and a barrier need not guess it
        dist.init_process_group(
            "nccl" if use_gpu else "gloo", timeout=timedelta(seconds=timeout_s), device_id=device if use_gpu else None
        )
    rank, size = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    return World(rank, size, device)


def end_with_launcher() -> None:
    """Have this process end when the one that started it is gone.

    A torchrun that is killed leaves its workers running: they would write into the folder in which the same command
    goes on meanwhile.
    """
    launcher = os.getppid()

    def watch() -> None:
        while os.getppid() == launcher:
            time.sleep(LOOK_EVERY_S)
        logger.error("process %d, which started this worker, is gone: the worker ends, too", launcher)
        os._exit(1)

    threading.Thread(target=watch, name="launcher", daemon=True).start()


def leave_world(world: World) -> None:
    """End the process group that `join_world` made under torchrun; its threads abort a process that just exits."""
    if world.size > 1 and "TORCHELASTIC_RUN_ID" in os.environ:
        dist.destroy_process_group()


def local_rows(global_batch_size: int, rank: int, size: int, together: int = 1) -> tuple[int, int]:
    """Return the rows [start, stop) of the global batch that worker `rank` of `size` holds.

    Both are multiples of `together`, and of the batch too: else ValueError.
    """
    groups, rest = divmod(global_batch_size, together)
    if rest:
        raise ValueError(f"expected a global batch in whole groups of {together} rows, found {global_batch_size} rows")
    return rank * groups // size * together, (rank + 1) * groups // size * together


def rows_of_all(global_batch_size: int, world: World) -> tuple[tuple[int, int], ...]:
    """Return the rows [start, stop) of each worker."""
    ranks = range(world.size)
    return tuple(local_rows(global_batch_size, rank, world.size, world.rows_together) for rank in ranks)


def most_rows(global_batch_size: int, world: World) -> int:
    """Return the rows of the worker that holds the most."""
    return max(stop - start for start, stop in rows_of_all(global_batch_size, world))
