"""How many rows a worker of a run gives the model at once."""

from dataclasses import dataclass

import torch
import torch.distributed as dist

from trainer.config import TrainConfig
from trainer.memory.plan_memory import plan_memory
from trainer.presets import ModelConfig
from trainer.workers.distributed import World


@dataclass(frozen=True)
class RowsAtOnce:
    """What was found."""

    micro_batch: int | None
    """None: all rows of a worker."""
    told: str | None
    """On a GPU: what of its memory that takes."""


def find_rows_at_once(config: TrainConfig, world: World, model: ModelConfig) -> RowsAtOnce:
    """Return the rows that the options ask for, or else those that fit the smallest of the workers' GPUs.

    The same on all workers, who all must call it. Raises ValueError where nothing fits.
    """
    asked = config.recipe.batch_norm_rows
    if asked is None and config.micro_batch != "auto":
        asked = config.micro_batch
    if world.device.type != "cuda" or config.activation_checkpointing == "auto":  # which recomputes what does not fit
        return RowsAtOnce(asked, None)
    device_bytes = least_free_bytes(world)
    plan = plan_memory(config, model, world, device_bytes)
    micro_batch = plan.largest_micro_batch(device_bytes) if asked is None else asked
    if plan.needed(micro_batch) > device_bytes and config.parallel != "fsdp":  # of shards it was never compared
        raise ValueError(f"micro_batch {micro_batch} does not fit: {plan.told(micro_batch, device_bytes)}; take less")
    return RowsAtOnce(micro_batch, plan.told(micro_batch, device_bytes))


def least_free_bytes(world: World) -> int:
    """Return what this process may have of its GPU, what it has already included: the least of all workers."""
    free, _ = torch.cuda.mem_get_info(world.device)
    least = torch.tensor(free + torch.cuda.memory_reserved(world.device), device=world.device)
    if world.size > 1:
        dist.all_reduce(least, dist.ReduceOp.MIN)
    return int(least)
