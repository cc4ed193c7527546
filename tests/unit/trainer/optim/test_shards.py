"""What FSDP's shards draw is what the whole parameter draws; workers agree on norm and skipped steps."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import Shard, distribute_tensor

from trainer.optim.gradients import apply_gradients
from trainer.optim.half_adamw import HalfAdamW
from trainer.optim.shards import first_element

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


def _worker(rank: int, size: int, directory: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{directory}/meet", rank=rank, world_size=size)
    mesh = init_device_mesh("cpu", (size,))
    model = module()
    fully_shard(model, mesh=mesh)
    optimizer, told = train(model, rank)
    state = {
        name: [parameter.full_tensor(), optimizer.state[parameter]["exp_avg_sq"].full_tensor()]
        for name, parameter in model.named_parameters()
    }
    columns = distribute_tensor(torch.zeros(4, 4), mesh, [Shard(1)])
    with pytest.raises(ValueError, match="parameters must be replicated or sharded by rows, found"):
        first_element(columns)
    starts = [first_element(parameter) for parameter in model.parameters()]
    torch.save([state, told, starts], f"{directory}/{rank}.pt")
    dist.barrier()  # a process that leaves while the other still talks to it can abort that one
    dist.destroy_process_group()


def test_shards_draw_as_the_whole_and_workers_agree(tmp_path: Path) -> None:
    multiprocessing.spawn(_worker, args=(2, str(tmp_path)), nprocs=2)
    whole = module()
    optimizer, told = train(whole, 0)
    for rank, starts in enumerate(([0, 0, 0, 0], [4 * 6, 4, 3 * 7, 3])):
        state, found, first = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert first == starts
        assert [skipped for _, skipped in found] == [skipped for _, skipped in told] == [0.0, 1.0, 0.0]
        assert [norm for norm, _ in found] == pytest.approx([norm for norm, _ in told], rel=1e-6)
        for name, parameter in whole.named_parameters():
            weights, second = state[name]
            assert torch.equal(weights, parameter)
            assert torch.equal(second, optimizer.state[parameter]["exp_avg_sq"])
