"""What a worker is planned to hold is what it holds after a step: all, or its shards."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.small_clip import CONFIG, small_batch, small_clip
from tests.support.worker_group import on_workers
from trainer.memory.steady import gathered_bytes, held_elements, steady_bytes
from trainer.model.clip import CLIP
from trainer.optim.adamw import make_optimizer
from trainer.optim.ema import Ema
from trainer.optim.shards import local
from trainer.optim.text_weights import keep_text_weights
from trainer.options.optim import OptimOptions
from trainer.presets import find_preset
from trainer.step.backward import backward
from trainer.step.sharding import shard_model
from trainer.workers.distributed import World

RECIPE = find_preset("vit-tiny").recipe
ALL: dict[str, Any] = {"ema_decay": 0.9}
CASES: list[tuple[int, dict[str, Any]]] = [(1, ALL), (2, ALL), (3, ALL), (3, ALL | {"adam_statistics": "bfloat16"})]


def held(world: World, options: dict[str, Any]) -> list[int]:
    """Return the bytes of weights, gradients, statistics and averages of this worker after a step."""
    chosen = OptimOptions(**options)
    model = small_clip().float()
    keep_text_weights(model, chosen.text_weights)
    if world.size > 1:
        shard_model(model, world)
    optimizer = make_optimizer(model, RECIPE, chosen)
    ema = Ema(model, chosen.ema_decay) if chosen.ema_decay is not None else None
    autocast = torch.bfloat16 if chosen.text_weights == "bfloat16" else None
    backward(model, small_batch(6), world, global_batch_size=6 * world.size, autocast=autocast)
    optimizer.step()
    parameters = list(model.parameters())
    gradients = [one.grad for one in parameters if one.grad is not None]
    states = [value for one in parameters for value in optimizer.state[one].values()]
    averages = list(ema.state_dict().values()) if ema is not None else []
    return [sum(local(one).nbytes for one in group) for group in (parameters, gradients, states, averages)]


def test_a_worker_holds_what_was_planned(tmp_path: Path) -> None:
    for (size, options), found in zip(CASES, on_workers(held, CASES, tmp_path), strict=True):
        plan = steady_bytes(small_clip().float(), OptimOptions(**options), size)
        most = [max(of_worker[part] for of_worker in found) for part in range(4)]
        assert most == [plan.weights, plan.gradients, plan.optimizer, plan.averages], (size, options)


def test_halves_and_locks_are_counted() -> None:
    options = {"adam_statistics": "bfloat16", "text_weights": "bfloat16"}
    model = small_clip().float()
    keep_text_weights(model, "bfloat16")
    plan = steady_bytes(model, OptimOptions(**options))
    world = World(0, 1, torch.device("cpu"))
    assert held(world, options) == [plan.weights, plan.gradients, plan.optimizer, plan.averages]
    model.image_encoder.requires_grad_(False)
    locked = steady_bytes(model, OptimOptions(**options))
    num_image = sum(parameter.numel() for parameter in model.image_encoder.parameters())
    assert (locked.weights, plan.gradients - locked.gradients) == (plan.weights, 4 * num_image)


@pytest.mark.parametrize(("shape", "shards", "wanted"), [((), 4, 1), ((7, 3), 2, 12), ((2, 5), 3, 5), ((8,), 4, 2)])
def test_rows_are_shared_out(shape: tuple[int, ...], shards: int, wanted: int) -> None:
    assert held_elements(torch.zeros(shape), shards) == wanted


def test_all_is_gathered_with_micro_batches_and_two_groups_without() -> None:
    model = CLIP(CONFIG)
    number = sum(parameter.numel() for parameter in model.parameters())
    assert gathered_bytes(model, None).whole == 8 * number
    half = gathered_bytes(model, torch.bfloat16)
    assert half.whole < 8 * number
    assert half.at_once == half.whole, "each encoder has one block"
