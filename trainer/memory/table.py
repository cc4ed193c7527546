"""The memory plan of a training that is not begun, as a table."""

import torch

from trainer.memory.config import MemoryPlanConfig
from trainer.memory.device_memory import device_memory
from trainer.memory.memory_plan import MemoryPlan, usable_bytes
from trainer.memory.plan_memory import plan_memory
from trainer.step.precision import autocast_dtype
from trainer.workers.counts import least_workers
from trainer.workers.distributed import World

WIDTH = 44


def memory_table(config: MemoryPlanConfig) -> str:
    """Return the table; of a number of workers that may change, of the least. Raises ValueError where no row fits."""
    config.check_geometry()
    recipe, model = config.recipe, config.model_config
    workers = least_workers(config.num_workers)
    device = torch.device("cpu" if config.device == "cpu" else "cuda")
    world = World(0, workers, device, rows_together=recipe.batch_norm_rows or 1)
    memory = device_memory(config, workers)
    device_bytes = memory.num_bytes
    plan = plan_memory(config, model, world, device_bytes, config.tokens_per_text)
    asked = recipe.batch_norm_rows or (None if config.micro_batch == "auto" else config.micro_batch)
    chosen = min(plan.rows, asked or plan.largest_micro_batch(device_bytes))
    products = str(autocast_dtype(config.precision, device) or torch.float32).removeprefix("torch.")
    devices = "CPU workers" if device.type == "cpu" else "GPUs"
    lines = [
        f"{config.model_title}, {plan.steady.num_parameters / 1e6:.1f} million parameters, {products}, "
        f"{recipe.global_batch_size:,} pairs on {workers} {devices} of {memory.told}, "
        f"{min(config.tokens_per_text, model.text.context_length):g} tokens a text",
        *(f"  {name:<{WIDTH}}{size / 1e9:>9.2f} GB" for name, size in _parts(plan)),
        f"  {'a pair in the model':<{WIDTH}}{plan.activations(plan.rows) / plan.rows / 1e6:>9.1f} MB",
        *(_line(plan, size, device_bytes, chosen) for size in _sizes(plan.rows, chosen)),
    ]
    return "\n".join(lines)


def tell_memory_table(config: MemoryPlanConfig) -> None:
    """Print it."""
    print(memory_table(config))


def _parts(plan: MemoryPlan) -> list[tuple[str, float]]:
    parts: list[tuple[str, float]] = [
        ("weights", plan.steady.weights),
        ("gradients", plan.steady.gradients),
        ("optimizer", plan.steady.optimizer),
        ("averages of the weights", plan.steady.averages),
    ]
    if plan.gathered is None:
        parts.append(("weights in half precision", max(0.0, plan.traced.fixed)))
    else:
        parts.append(("gathered, with gradients, at once", plan.gathered.at_once))
        parts.append(("gathered, with gradients, by micro-batches", plan.gathered.whole))
    parts += [("loss over the global batch", plan.loss), ("two batches of images and tokens", plan.batch)]
    return [(name, size) for name, size in parts if size or name != "averages of the weights"]


def _sizes(rows: int, chosen: int) -> list[int]:
    """Return the micro-batches to tell of: the chosen one, two powers of two around it, all rows."""
    near = {1 << max(0, chosen.bit_length() + step) for step in (-3, -2, -1, 0)}
    return sorted({size for size in near | {chosen, rows} if size <= rows})


def _line(plan: MemoryPlan, size: int, device_bytes: int, chosen: int) -> str:
    needed, usable = plan.needed(size), usable_bytes(device_bytes)
    fits = "fits" if needed <= usable else f"does not fit {usable / 1e9:.1f} usable"
    times = -(-plan.rows // size)
    name = f"{size:,} at once" + (f", {times} times (GradCache)" if times > 1 else "")
    if plan.recomputing is not None:
        name += f", {len(plan.recomputing.blocks(size))} of {len(plan.recomputing.cost.blocks)} blocks again"
    return f"{'* ' if size == chosen else '  '}{name:<{WIDTH}}{needed / 1e9:>9.2f} GB  {fits}"
