"""What FSDP's shards draw is what the whole parameter draws; workers agree on norm and skipped steps."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import Shard, distribute_tensor

from tests.support.worker_group import on_workers
from trainer.optim.gradients import apply_gradients
from trainer.optim.half_adamw import HalfAdamW
from trainer.optim.shards import first_element
from trainer.workers.distributed import World

STEPS, BAD_STEP = 3, 1


def module() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 7), nn.Linear(7, 5))  # rows that two workers cannot share evenly


def train(model: nn.Module, rank: int) -> tuple[HalfAdamW, list[tuple[float, float]]]:
    optimizer = HalfAdamW(model.named_parameters(), lr=1e-2, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.1, seed=3)
    told = []
    for step in range(STEPS):
        optimizer.zero_grad()
        generator = torch.Generator().manual_seed(step)
        model(torch.randn(8, 6, generator=generator)).square().sum().backward()
        if step == BAD_STEP and rank == 0:
            gradient = model.get_parameter("0.weight").grad
            assert gradient is not None
            (gradient.to_local() if hasattr(gradient, "to_local") else gradient).fill_(float("inf"))
        applied = apply_gradients(optimizer)
        told.append((float(applied.norm), float(applied.skipped)))
    return optimizer, told


def sharded(world: World, _: None) -> list[Any]:
    """Return weights and second moments, what each step told, and each shard's first element."""
    mesh = init_device_mesh("cpu", (world.size,))
    model = module()
    fully_shard(model, mesh=mesh)
    optimizer, told = train(model, world.rank)
    state = {
        name: [parameter.full_tensor(), optimizer.state[parameter]["exp_avg_sq"].full_tensor()]
        for name, parameter in model.named_parameters()
    }
    columns = distribute_tensor(torch.zeros(4, 4), mesh, [Shard(1)])
    with pytest.raises(ValueError, match="parameters must be replicated or sharded by rows, found"):
        first_element(columns)
    return [state, told, [first_element(parameter) for parameter in model.parameters()]]


def test_shards_draw_as_the_whole_and_workers_agree(tmp_path: Path) -> None:
    (results,) = on_workers(sharded, [(2, None)], tmp_path)
    whole = module()
    optimizer, told = train(whole, 0)
    for starts, (state, found, first) in zip(([0, 0, 0, 0], [4 * 6, 4, 3 * 7, 3]), results, strict=True):
        assert first == starts
        assert [skipped for _, skipped in found] == [skipped for _, skipped in told] == [0.0, 1.0, 0.0]
        assert [norm for norm, _ in found] == pytest.approx([norm for norm, _ in told], rel=1e-6)
        for name, parameter in whole.named_parameters():
            weights, second = state[name]
            assert torch.equal(weights, parameter)
            assert torch.equal(second, optimizer.state[parameter]["exp_avg_sq"])
