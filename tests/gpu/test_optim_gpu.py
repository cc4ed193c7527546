"""The optimizer's parts on a CUDA GPU: the bits of the CPU, nothing waits for the device, float16 finds its scale."""

import pytest
import torch
from torch import nn

from trainer.optim.ema import Ema
from trainer.optim.gradients import apply_gradients
from trainer.optim.half_adamw import HalfAdamW
from trainer.optim.loss_scale import make_loss_scaler

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

SETTINGS = {"lr": 1e-2, "betas": (0.9, 0.98), "eps": 1e-6, "weight_decay": 0.2, "seed": 5}
SHAPES = {"a": (3,), "b": (1024,), "c": (500, 700), "d": (16, 8, 3, 3)}


def made(device: str, dtype: torch.dtype, statistics: torch.dtype) -> tuple[dict[str, nn.Parameter], HalfAdamW]:
    generator = torch.Generator().manual_seed(0)
    of = {
        name: nn.Parameter(torch.randn(shape, generator=generator).to(device, dtype)) for name, shape in SHAPES.items()
    }
    return of, HalfAdamW(list(of.items()), statistics=statistics, **SETTINGS)


def set_gradients(of: dict[str, nn.Parameter], step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for parameter in of.values():
        parameter.grad = torch.randn(parameter.shape, generator=generator).to(parameter.device, parameter.dtype)


@pytest.mark.parametrize("statistics", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_gives_the_bits_of_the_cpu(dtype: torch.dtype, statistics: torch.dtype) -> None:
    (ours, optimizer), (theirs, other) = (made(device, dtype, statistics) for device in ("cuda", "cpu"))
    for step in range(20):
        for of, each in ((ours, optimizer), (theirs, other)):
            set_gradients(of, step)
            device = of["a"].device
            vars(each).update(
                grad_scale=torch.tensor(3.0, device=device), found_inf=torch.tensor(float(step == 7), device=device)
            )
            each.step()
    for name, parameter in ours.items():
        assert torch.equal(parameter.cpu(), theirs[name])
        for key, value in optimizer.state[parameter].items():
            assert torch.equal(value.cpu(), other.state[theirs[name]][key]), (name, key)


@pytest.mark.parametrize("statistics", [None, torch.bfloat16], ids=["torch", "half"])
def test_a_step_waits_for_nothing(statistics: torch.dtype | None) -> None:
    """Norm, clipping, skipping, update and average, after the first step has made what they keep."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64)).cuda()
    optimizer: torch.optim.Optimizer
    if statistics is None:
        optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    else:
        optimizer = HalfAdamW(model.named_parameters(), statistics=statistics, **SETTINGS)
    ema = Ema(model, 0.99)
    images = torch.randn(8, 64, device="cuda")
    poison = torch.full((64,), float("inf"), device="cuda")
    told = []
    try:
        for step in range(1, 5):
            if step == 2:
                torch.cuda.set_sync_debug_mode("error")
            optimizer.zero_grad(set_to_none=True)
            model(images).square().mean().backward()
            if step == 3:
                model[1].bias.grad = poison.clone()
            told.append(apply_gradients(optimizer, max_norm=0.5))
            ema.update(model, step)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert [float(applied.skipped) for applied in told] == [0, 0, 1, 0]
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_float16_finds_a_scale() -> None:
    torch.manual_seed(0)
    model = nn.Linear(64, 64).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    scaler = make_loss_scaler("float16", torch.device("cuda"))
    assert scaler is not None
    skipped = 0.0
    for _ in range(12):
        with torch.autocast("cuda", dtype=torch.float16):
            loss = model(torch.ones(8, 64, device="cuda")).float().square().sum() * 30
        scaler.scale(loss).backward()
        skipped += float(apply_gradients(optimizer, scaler=scaler).skipped)
        optimizer.zero_grad(set_to_none=True)
    assert 0 < skipped < 12
    assert scaler.get_scale() == 2.0 ** (16 - skipped)
