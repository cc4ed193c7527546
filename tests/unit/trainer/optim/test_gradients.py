"""Norm, clipping and skipping of gradients, against torch's own in float64."""

import copy

import pytest
import torch
from torch import nn

from trainer.optim.gradients import apply_gradients, gradient_norm


def layer(dtype: torch.dtype = torch.float64) -> nn.Linear:
    torch.manual_seed(0)
    made = nn.Linear(7, 5).to(dtype)
    for parameter in made.parameters():
        parameter.grad = torch.randn_like(parameter)
    return made


def adamw(module: nn.Module) -> torch.optim.AdamW:
    return torch.optim.AdamW(module.parameters(), lr=0.1, eps=1e-3, weight_decay=0.2, fused=True)


def test_the_norm_is_torchs() -> None:
    module = layer()
    wanted = torch.nn.utils.get_total_norm([parameter.grad for parameter in module.parameters()])
    assert gradient_norm(module.parameters()) == wanted


def test_halves_are_summed_in_float32() -> None:
    module = layer()
    module.weight = nn.Parameter(module.weight.to(torch.bfloat16))
    module.weight.grad = torch.full_like(module.weight, 1 + 2**-7)
    module.bias = nn.Parameter(module.bias.float())
    module.bias.grad = torch.full_like(module.bias, 0.5)
    norm = gradient_norm(module.parameters())
    assert norm.dtype == torch.float32
    assert float(norm) == pytest.approx((35 * (1 + 2**-7) ** 2 + 5 * 0.25) ** 0.5, rel=1e-6)


def test_without_gradients_it_is_zero() -> None:
    assert gradient_norm(nn.Linear(2, 2).parameters()) == 0


@pytest.mark.parametrize("max_norm", [0.5, 1e6])
def test_clipping_is_torchs(max_norm: float) -> None:
    ours, theirs = layer(), layer()
    our_optimizer, their_optimizer = adamw(ours), adamw(theirs)
    for _ in range(3):
        applied = apply_gradients(our_optimizer, max_norm=max_norm)
        wanted = torch.nn.utils.clip_grad_norm_(theirs.parameters(), max_norm)
        their_optimizer.step()
        assert applied.norm == pytest.approx(float(wanted), rel=1e-12)
        assert not applied.skipped
        for parameter, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(parameter, other, rtol=1e-6, atol=1e-7)  # the divisor is float32
            parameter.grad, other.grad = other.detach() * 3, other.detach() * 3


def test_a_small_norm_bounds_the_gradient_that_is_applied() -> None:
    module = layer()
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1, betas=(0.0, 0.0), eps=1e3, weight_decay=0.0, fused=True)
    before = torch.cat([parameter.detach().flatten() for parameter in module.parameters()])
    apply_gradients(optimizer, max_norm=0.25)
    after = torch.cat([parameter.detach().flatten() for parameter in module.parameters()])
    assert float((after - before).norm()) == pytest.approx(0.1 * 0.25 / 1e3, rel=1e-3)  # eps outweighs the root


@pytest.mark.parametrize("bad", [float("inf"), float("-inf"), float("nan")])
def test_a_gradient_that_is_not_finite_changes_nothing(bad: float) -> None:
    module = layer(torch.float32)
    optimizer = adamw(module)
    apply_gradients(optimizer, max_norm=1.0)
    module.bias.grad = torch.full((5,), bad)
    weights, state = copy.deepcopy(module.state_dict()), copy.deepcopy(optimizer.state_dict()["state"])
    applied = apply_gradients(optimizer, max_norm=1.0)
    assert applied.skipped == 1
    assert not applied.norm.isfinite()
    for name, weight in module.state_dict().items():
        assert torch.equal(weight, weights[name])
    for number, kept in optimizer.state_dict()["state"].items():
        assert all(torch.equal(value, state[number][key]) for key, value in kept.items())
    module.bias.grad = torch.ones(5)
    assert not apply_gradients(optimizer).skipped
    assert not torch.equal(module.bias, weights["bias"])
    assert not hasattr(optimizer, "found_inf")
    assert not hasattr(optimizer, "grad_scale")
