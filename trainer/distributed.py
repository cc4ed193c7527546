"""Who this process is among the workers; nothing here knows of Ray."""

import logging
import os
import threading
import time
from dataclasses import dataclass

import torch
import torch.distributed as dist

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0


@dataclass(frozen=True)
class World:
    """Rank and number of the workers, and this worker's device."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this worker writes the files and the progress."""
        return self.rank == 0

    def barrier(self) -> None:
        if self.size > 1:
            dist.barrier()

    def mean(self, value: torch.Tensor) -> float:
        """Return the mean of a scalar over the workers."""
        if self.size > 1:
            value = value.detach().clone()
            dist.all_reduce(value)
        return float(value) / self.size

    def sum(self, value: int) -> int:
        """Return the sum of a count over the workers."""
        if self.size == 1:
            return value
        total = torch.tensor(value, dtype=torch.int64, device=self.device)
        dist.all_reduce(total)
        return int(total)


def join_world(*, use_gpu: bool) -> World:
    """Return the world of this process: an initialised group (Ray), torchrun's environment, or one process."""
    if not dist.is_initialized() and "TORCHELASTIC_RUN_ID" in os.environ:
        end_with_launcher()
        dist.init_process_group("nccl" if use_gpu else "gloo")
    rank, size = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    if not use_gpu:
        return World(rank, size, torch.device("cpu"))
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    torch.cuda.set_device(device)
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


def local_rows(global_batch_size: int, rank: int, size: int) -> tuple[int, int]:
    """Return the rows [start, stop) of the global batch that worker `rank` of `size` holds."""
    return rank * global_batch_size // size, (rank + 1) * global_batch_size // size
