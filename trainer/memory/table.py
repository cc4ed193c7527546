"""The memory plan of a training that is not begun, as a table."""

import torch

from trainer.memory.config import MemoryPlanConfig
from trainer.memory.memory_plan import MemoryPlan, usable_bytes
from trainer.memory.rows_at_once import plan_memory
from trainer.presets import find_preset
from trainer.step.precision import autocast_dtype


def memory_table(config: MemoryPlanConfig) -> str:
    """Return the table. Raises ValueError where not one row fits."""
    preset = find_preset(config.model)
    batch_size = config.global_batch_size or preset.recipe.global_batch_size
    rows = -(-batch_size // config.num_workers)
    precision = autocast_dtype(config.precision, torch.device("cuda"))
    plan = plan_memory(preset.model, precision, rows, batch_size, config.tokens_per_text)
    device_bytes = int(config.gpu_gb * 1e9)
    chosen = min(rows, preset.recipe.batch_norm_rows or plan.largest_micro_batch(device_bytes))
    lines = [
        f"{config.model}, {plan.traced.num_parameters / 1e6:.1f} million parameters, {config.precision}, "
        f"{batch_size:,} pairs on {config.num_workers} GPUs of {config.gpu_gb:g} GB, "
        f"{config.tokens_per_text:g} tokens a text",
        *(f"  {name:<44}{size / 1e9:>9.2f} GB" for name, size in _parts(plan)),
        f"  {'a pair in the model':<44}{plan.traced.per_row / 1e6:>9.1f} MB",
        *(_line(plan, size, device_bytes, chosen) for size in _sizes(rows, chosen)),
    ]
    return "\n".join(lines)


def tell_memory_table(config: MemoryPlanConfig) -> None:
    """Print it."""
    print(memory_table(config))


def _parts(plan: MemoryPlan) -> list[tuple[str, float]]:
    return [
        ("weights", plan.traced.of_parameters),
        ("gradients", plan.traced.of_parameters),
        ("optimizer", plan.optimizer),
        ("weights in half precision", max(0.0, plan.traced.fixed)),
        ("loss over the global batch", plan.loss),
        ("two batches of images and tokens", plan.batch),
    ]


def _sizes(rows: int, chosen: int) -> list[int]:
    """Return the micro-batches to tell of: the chosen one, two powers of two around it, all rows."""
    near = {1 << max(0, chosen.bit_length() + step) for step in (-3, -2, -1, 0)}
    return sorted({size for size in near | {chosen, rows} if size <= rows})


def _line(plan: MemoryPlan, size: int, device_bytes: int, chosen: int) -> str:
    needed, usable = plan.needed(size), usable_bytes(device_bytes)
    fits = "fits" if needed <= usable else f"does not fit {usable / 1e9:.1f} usable"
    times = -(-plan.rows // size)
    name = f"{size:,} at once" + (f", {times} times (GradCache)" if times > 1 else "")
    return f"{'* ' if size == chosen else '  '}{name:<44}{needed / 1e9:>9.2f} GB  {fits}"
