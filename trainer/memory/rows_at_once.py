"""How many rows a worker of a run gives the model at once."""

from dataclasses import dataclass

import torch
import torch.distributed as dist

from trainer.config import TrainConfig
from trainer.memory.memory_plan import MemoryPlan, make_memory_plan
from trainer.memory.traced import trace_bytes
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig
from trainer.step.precision import autocast_dtype
from trainer.workers.distributed import World, most_rows

TOKENS_PER_TEXT = 15.5
"""Mean of the captions of LAION by CLIP's vocabulary."""


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
    if world.device.type != "cuda" or config.activation_checkpointing != "none":  # the plan is of blocks that keep all
        return RowsAtOnce(asked, None)
    batch_size = config.recipe.global_batch_size
    plan = plan_memory(model, autocast_dtype(config.precision, world.device), most_rows(batch_size, world), batch_size)
    device_bytes = least_free_bytes(world)
    micro_batch = plan.largest_micro_batch(device_bytes) if asked is None else asked
    if plan.needed(micro_batch) > device_bytes and config.parallel != "fsdp":  # the plan is of whole weights
        raise ValueError(f"micro_batch {micro_batch} does not fit: {plan.told(micro_batch, device_bytes)}; take less")
    return RowsAtOnce(micro_batch, plan.told(micro_batch, device_bytes))


def plan_memory(
    model: ModelConfig,
    precision: torch.dtype | None,
    rows: int,
    global_batch_size: int,
    tokens: float = TOKENS_PER_TEXT,
) -> MemoryPlan:
    """Return what a worker with `rows` of the batch needs, `tokens` in a text on average."""
    tokens = min(tokens, float(model.text.context_length))
    traced = trace_bytes(lambda: CLIP(model), model.image.image_px, tokens, precision)
    return make_memory_plan(
        traced,
        rows=rows,
        global_batch_size=global_batch_size,
        embed_dim=model.embed_dim,
        image_px=model.image.image_px,
        tokens_per_text=tokens,
    )


def least_free_bytes(world: World) -> int:
    """Return what this process may have of its GPU, what it has already included: the least of all workers."""
    free, _ = torch.cuda.mem_get_info(world.device)
    least = torch.tensor(free + torch.cuda.memory_reserved(world.device), device=world.device)
    if world.size > 1:
        dist.all_reduce(least, dist.ReduceOp.MIN)
    return int(least)
