"""Workers in gloo groups. The same processes form one group after another, so that torch is imported once for all."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing

from trainer.workers.distributed import World

Work = Callable[[World, Any], Any]
"""What each worker of a group does with the case; returns tensors, or lists and dicts of them. Of a module."""

PRELOADED = ["torch.nn.parallel", "torch._dynamo", "torch.distributed.fsdp", "trainer.model.clip"]
"""Imported once, by the server that the processes are forked from; DistributedDataParallel imports the second."""

DEADLINE = timedelta(minutes=5)
"""Workers that wait longer for one another have lost one: an error in place of a hang."""


def on_workers(work: Work, cases: Sequence[tuple[int, Any]], directory: Path) -> list[list[Any]]:
    """Return, for each case of (number of workers, what `work` is given), what each worker returned."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOADED)
    most = max(size for size, _ in cases)
    arguments = (work, cases, directory)
    multiprocessing.start_processes(_one_process, args=arguments, nprocs=most, start_method="forkserver")
    return [
        [torch.load(_result(directory, number, rank), weights_only=True) for rank in range(size)]
        for number, (size, _) in enumerate(cases)
    ]


def _result(directory: Path, number: int, rank: int) -> Path:
    return directory / f"{number}-{rank}.pt"


def _one_process(rank: int, work: Work, cases: Sequence[tuple[int, Any]], directory: Path) -> None:
    torch.set_num_threads(1)
    for number, (size, case) in enumerate(cases):
        if rank < size:
            meeting = f"file://{directory}/meet-{number}"
            dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=size, timeout=DEADLINE)
            torch.save(work(World(rank, size, torch.device("cpu")), case), _result(directory, number, rank))
            dist.barrier()  # a process that leaves while the other still talks to it can abort that one
            dist.destroy_process_group()
