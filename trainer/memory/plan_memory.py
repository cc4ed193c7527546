"""The memory plan of a worker: a run's options and geometry in, bytes by what they are for out."""

from dataclasses import replace

import torch

from trainer.config import TrainConfig
from trainer.memory.memory_plan import MemoryPlan, Recomputing, batch_bytes, loss_bytes, usable_bytes
from trainer.memory.planned_model import planned_model
from trainer.memory.steady import gathered_bytes, steady_bytes
from trainer.memory.traced import trace_bytes
from trainer.model.block_costs import measure
from trainer.model.clip import CLIP
from trainer.model.without_content import without_content
from trainer.presets import ModelConfig
from trainer.step.precision import autocast_dtype
from trainer.step.random_state import random_state_kept
from trainer.workers.distributed import World, most_rows

TOKENS_PER_TEXT = 15.5
"""Mean of the captions of LAION by CLIP's vocabulary."""


def plan_memory(
    config: TrainConfig, model: ModelConfig, world: World, device_bytes: int, tokens: float = TOKENS_PER_TEXT
) -> MemoryPlan:
    """Return what the worker of `world` with the most rows needs, `tokens` in a text on average.

    `world` need not have been joined. `device_bytes` matter where as few blocks are recomputed as fit.
    """
    tokens = min(tokens, float(model.text.context_length))
    autocast = autocast_dtype(config.precision, world.device)
    is_sharded = config.parallel == "fsdp" and world.size > 1
    batch_size = config.recipe.global_batch_size
    rows = most_rows(batch_size, world)
    with random_state_kept(torch.device("cpu")), without_content():
        made = planned_model(config, model)
    plan = MemoryPlan(
        steady=steady_bytes(made, config, world.size if is_sharded else 1),
        traced=trace_bytes(made, model.image.image_px, tokens, autocast),
        gathered=gathered_bytes(made, autocast) if is_sharded else None,
        batch=batch_bytes(rows, model.image.image_px, tokens),
        loss=loss_bytes(rows, batch_size, model.embed_dim, has_graph_apart=True),
        rows=rows,
    )
    if config.activation_checkpointing != "auto":
        return plan
    return replace(plan, recomputing=_recomputing(plan, made, config, autocast, device_bytes))


def _recomputing(
    plan: MemoryPlan, model: CLIP, config: TrainConfig, autocast: torch.dtype | None, device_bytes: int
) -> Recomputing:
    asked = config.activation_gb
    budget = usable_bytes(device_bytes) - plan.beside_activations(plan.rows) if asked is None else int(asked * 1e9)
    return Recomputing(cost=measure(model, autocast), budget=max(0, budget))
