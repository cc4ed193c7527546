"""float16's loss scale, on a CPU: small gradients survive, an overflow is skipped and halves it, it is kept."""

import json

import pytest
import torch
from torch import nn

from trainer.optim.gradients import apply_gradients
from trainer.optim.loss_scale import LossScaler, make_loss_scaler

CPU = torch.device("cpu")


def module() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(4, 1, bias=False)


def step(
    model: nn.Linear, factor: float, scaler: LossScaler | None, max_norm: float | None = None
) -> tuple[float, float]:
    """Take a step on a loss whose activations' gradient is `factor`; return (norm, skipped)."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, eps=1e-12, weight_decay=0.0, fused=True)
    with torch.autocast("cpu", dtype=torch.float16):
        loss = model(torch.ones(1, 4)).float().sum() * factor
    (loss if scaler is None else scaler.scale(loss)).backward()
    applied = apply_gradients(optimizer, scaler=scaler, max_norm=max_norm)
    model.zero_grad(set_to_none=True)
    return float(applied.norm), float(applied.skipped)


def test_only_float16_has_one() -> None:
    assert [make_loss_scaler(name, CPU) is not None for name in ("auto", "float32", "bfloat16", "float16")] == [
        False, False, False, True
    ]  # fmt: skip


def test_gradients_below_float16_survive() -> None:
    assert step(module(), 1e-9, None)[0] == 0
    model = module()
    norm, skipped = step(model, 1e-9, make_loss_scaler("float16", CPU))
    assert norm == pytest.approx(2e-9, rel=1e-2)
    assert not skipped
    assert torch.all(model.weight < module().weight)


def test_an_overflow_is_skipped_and_halves_the_scale() -> None:
    model, scaler = module(), make_loss_scaler("float16", CPU)
    assert scaler is not None
    norm, skipped = step(model, 10.0, scaler)  # 10 x 2^16 is above float16
    assert (norm, skipped) == (float("inf"), 1)
    assert torch.equal(model.weight, module().weight)
    assert scaler.get_scale() == 2**15
    while step(model, 10.0, scaler)[1]:
        pass
    assert scaler.get_scale() <= 65504 / 10
    assert not torch.equal(model.weight, module().weight)


def test_clipping_sees_the_norm_without_the_scale() -> None:
    clipped, whole = module(), module()
    assert step(clipped, 1e-3, make_loss_scaler("float16", CPU), max_norm=1.0)[0] == pytest.approx(2e-3, rel=1e-2)
    step(whole, 1e-3, make_loss_scaler("float16", CPU))
    assert torch.equal(clipped.weight, whole.weight)  # below the most that it may be


def test_scale_and_counter_are_kept() -> None:
    scaler = make_loss_scaler("float16", CPU)
    assert scaler is not None
    model = module()
    for factor in (10.0, 1e-3, 1e-3):
        step(model, factor, scaler)
    other = make_loss_scaler("float16", CPU)
    assert other is not None
    other.load_json(json.dumps(scaler.state_dict()).encode(), "here")
    assert other.state_dict() == scaler.state_dict()
    assert (other.get_scale(), other.state_dict()["_growth_tracker"]) == (2**15, 2)
    step(model, 1e-3, other)
    assert other.state_dict()["_growth_tracker"] == 3


@pytest.mark.parametrize("body", [b"{}", b"[]", b"x", b'{"scale": 1.0}'], ids=["empty", "list", "text", "part"])
def test_another_state_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"a/loss_scale\.json: expected the state of a loss scale, found"):
        LossScaler("cpu").load_json(body, "a/loss_scale.json")
