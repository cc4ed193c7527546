"""AdamW in halves beside torch's: the same update, statistics in half the memory, any memory format, resumable."""

import copy

import pytest
import torch
from torch import nn

from trainer.optim.half_adamw import HalfAdamW

SETTINGS = {"lr": 1e-2, "betas": (0.9, 0.98), "eps": 1e-6, "weight_decay": 0.2}


def parameters(dtype: torch.dtype = torch.float32) -> list[nn.Parameter]:
    torch.manual_seed(0)
    convolution = torch.randn(6, 4, 3, 3).to(memory_format=torch.channels_last)
    return [nn.Parameter(tensor.to(dtype)) for tensor in (torch.randn(33, 40), convolution, torch.tensor(2.6592))]


def set_gradients(of: list[nn.Parameter], step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for parameter in of:
        drawn = torch.randn(parameter.shape, generator=generator) * 0.1
        parameter.grad = torch.empty_like(parameter, requires_grad=False).copy_(drawn)


def train(optimizer: torch.optim.Optimizer, of: list[nn.Parameter], first: int, last: int) -> None:
    for step in range(first, last + 1):
        set_gradients(of, step)
        optimizer.step()


def test_in_float32_it_is_torchs() -> None:
    ours, theirs, exact = parameters(), parameters(), parameters(torch.float64)
    optimizer = HalfAdamW(ours, statistics=torch.float32, **SETTINGS)
    other, reference = (torch.optim.AdamW(of, fused=True, **SETTINGS) for of in (theirs, exact))
    train(optimizer, ours, 1, 30)
    train(other, theirs, 1, 30)
    train(reference, exact, 1, 30)
    for mine, torchs, wanted in zip(ours, theirs, exact, strict=True):
        torch.testing.assert_close(mine, torchs, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(mine.double(), wanted, rtol=1e-5, atol=1e-6)
        for name in ("exp_avg", "exp_avg_sq"):
            torch.testing.assert_close(optimizer.state[mine][name], other.state[torchs][name], rtol=1e-5, atol=1e-8)


def test_half_statistics_move_weights_nearly_alike() -> None:
    ours, exact, still = parameters(), parameters(torch.float64), parameters()
    optimizer = HalfAdamW(ours, statistics=torch.bfloat16, **SETTINGS)
    train(optimizer, ours, 1, 30)
    train(torch.optim.AdamW(exact, fused=True, **SETTINGS), exact, 1, 30)
    for mine, wanted, begun in zip(ours, exact, still, strict=True):
        apart, moved = ((one - wanted).detach().norm() for one in (mine, begun))
        assert float(apart) < 0.02 * float(moved)
        for name in ("exp_avg", "exp_avg_sq"):
            moment = optimizer.state[mine][name]
            assert moment.dtype == torch.bfloat16
            assert moment.stride() == mine.stride()


def test_gradients_and_moments_may_lie_in_memory_otherwise() -> None:
    """A convolution's weights by channels last, its gradients and stored moments not."""
    one, other = (HalfAdamW(of, **SETTINGS) for of in (parameters(), parameters()))
    for step in (1, 2):
        for optimizer in (one, other):
            set_gradients(optimizer.param_groups[0]["params"], step)
        for parameter in other.param_groups[0]["params"]:
            parameter.grad = parameter.grad.contiguous()
            for name, value in other.state.get(parameter, {}).items():
                other.state[parameter][name] = value.contiguous()
        one.step()
        other.step()
    for parameter, same in zip(*(optimizer.param_groups[0]["params"] for optimizer in (one, other)), strict=True):
        assert torch.equal(parameter, same)
        assert torch.equal(one.state[parameter]["exp_avg_sq"], other.state[same]["exp_avg_sq"])


def test_half_weights_move_where_rounding_to_nearest_stands_still() -> None:
    ours, theirs = (nn.Parameter(torch.full((4096,), 1.0, dtype=torch.bfloat16)) for _ in range(2))
    settings = SETTINGS | {"lr": 1e-4, "weight_decay": 0.0}
    optimizer = HalfAdamW([ours], statistics=torch.float32, **settings)
    other = torch.optim.AdamW([theirs], fused=True, **settings)
    for _ in range(20):
        ours.grad = theirs.grad = torch.ones_like(ours)
        optimizer.step()
        other.step()
    assert torch.equal(theirs, torch.ones_like(theirs))
    assert float(ours.detach().float().mean()) == pytest.approx(1 - 20 * 1e-4, abs=2e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_state_goes_on_to_the_bit(dtype: torch.dtype) -> None:
    whole, begun = parameters(dtype), parameters(dtype)
    optimizer, first = (HalfAdamW(of, seed=5, **SETTINGS) for of in (whole, begun))
    train(optimizer, whole, 1, 6)
    train(first, begun, 1, 3)
    resumed = [nn.Parameter(parameter.detach().clone()) for parameter in begun]
    second = HalfAdamW(resumed, seed=5, **SETTINGS)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    train(second, resumed, 4, 6)
    for parameter, other in zip(whole, resumed, strict=True):
        assert torch.equal(parameter, other)
        for name, value in optimizer.state[parameter].items():
            assert second.state[other][name].dtype == value.dtype
            assert torch.equal(second.state[other][name], value)


def test_it_goes_on_with_the_state_of_torchs() -> None:
    theirs, ours = parameters(), parameters()
    other = torch.optim.AdamW(theirs, fused=True, **SETTINGS)
    train(other, theirs, 1, 3)
    optimizer = HalfAdamW(ours, **SETTINGS)
    optimizer.load_state_dict(other.state_dict())
    for mine, torchs in zip(ours, theirs, strict=True):
        assert optimizer.state[mine]["step"] == 3
        assert torch.equal(optimizer.state[mine]["exp_avg"], other.state[torchs]["exp_avg"].bfloat16())


def test_draws_follow_seed_and_name_alone() -> None:
    def moments(names: list[str], seed: int) -> dict[str, torch.Tensor]:
        of = {name: nn.Parameter(torch.ones(500)) for name in names}
        optimizer = HalfAdamW(list(of.items()), seed=seed, **SETTINGS)
        for parameter in of.values():
            parameter.grad = torch.full_like(parameter, 0.3)
        optimizer.step()
        return {name: optimizer.state[parameter]["exp_avg_sq"] for name, parameter in of.items()}

    one, other = moments(["a", "b"], 0), moments(["b", "new", "a"], 0)
    assert torch.equal(one["a"], other["a"])
    assert torch.equal(one["b"], other["b"])
    assert not torch.equal(one["a"], one["b"])
    assert not torch.equal(one["a"], moments(["a"], 1)["a"])


def test_gradients_are_divided_by_the_scale() -> None:
    plain, scaled = parameters(), parameters()
    one, other = (HalfAdamW(of, **SETTINGS) for of in (plain, scaled))
    set_gradients(plain, 1)
    set_gradients(scaled, 1)
    for parameter in scaled:
        assert parameter.grad is not None
        parameter.grad *= 1024
    vars(other)["grad_scale"] = torch.tensor(1024.0)
    one.step()
    other.step()
    assert all(torch.equal(a, b) for a, b in zip(plain, scaled, strict=True))


def test_a_skipped_step_leaves_everything() -> None:
    of = parameters()
    optimizer = HalfAdamW(of, **SETTINGS)
    train(optimizer, of, 1, 2)
    before = copy.deepcopy((of, optimizer.state_dict()["state"]))
    vars(optimizer)["found_inf"] = torch.tensor(1.0)
    train(optimizer, of, 3, 3)
    assert all(torch.equal(a, b) for a, b in zip(of, before[0], strict=True))
    for number, state in optimizer.state_dict()["state"].items():
        assert all(torch.equal(value, before[1][number][name]) for name, value in state.items())
    vars(optimizer)["found_inf"] = torch.tensor(0.0)
    train(optimizer, of, 3, 3)
    assert {float(state["step"]) for state in optimizer.state.values()} == {3.0}


def test_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match=r"parameters must be float32 or bfloat16, found torch\.float64"):
        HalfAdamW([nn.Parameter(torch.zeros(2, dtype=torch.float64))], **SETTINGS)
