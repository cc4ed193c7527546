"""A step whose gradients are not finite changes nothing: weights, statistics, buffers; the next goes on as if alone."""

import math

import pytest
import torch

from trainer.model.clip import CLIP
from trainer.optim.adamw import make_optimizer
from trainer.presets import ModelConfig, ResNetConfig, TextConfig, find_preset
from trainer.step.update import Updater

CONFIG = ModelConfig(
    embed_dim=8,
    image=ResNetConfig(image_px=32, width=4, blocks=(1, 1, 1, 1)),
    text=TextConfig(width=16, layers=1, heads=2, context_length=6, vocab_size=20),
)


def made() -> tuple[CLIP, torch.optim.Optimizer, Updater]:
    torch.manual_seed(0)
    model = CLIP(CONFIG).train()
    optimizer = make_optimizer(model, find_preset("rn-tiny").recipe)
    return model, optimizer, Updater(model, optimizer)


def fill_gradients(model: CLIP, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def state_of(model: CLIP, optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    statistics = [value for values in optimizer.state.values() for value in values.values()]
    return [tensor.clone() for tensor in (*model.state_dict().values(), *statistics)]


def forward(model: CLIP, value: float) -> None:
    model.image_encoder(torch.full((2, 3, 32, 32), value), torch.ones(3), torch.zeros(3))


@pytest.mark.parametrize("poison", [math.inf, -math.inf, math.nan])
def test_a_poisoned_step_leaves_everything_as_it_was(poison: float) -> None:
    model, optimizer, updater = made()
    updater.keep_buffers()
    forward(model, 0.5)
    fill_gradients(model, 1)
    taken = updater.update(1, 1e-2)
    assert taken.skipped == 0
    wanted = torch.cat([parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None])
    assert float(taken.norm) == pytest.approx(float(wanted.norm()), rel=1e-5)

    before = state_of(model, optimizer)
    updater.keep_buffers()
    forward(model, math.nan)
    assert any(buffer.isnan().any() for buffer in model.buffers())
    fill_gradients(model, 2)
    model.text_encoder.text_projection.grad[0, 0] = poison  # type: ignore[index]
    assert updater.update(1, 1e-2).skipped == 1
    after = state_of(model, optimizer)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))

    updater.keep_buffers()
    fill_gradients(model, 3)
    assert updater.update(1, 1e-2).skipped == 0
    other, other_optimizer, alone = made()
    alone.keep_buffers()
    forward(other, 0.5)
    for seed in (1, 3):
        fill_gradients(other, seed)
        alone.update(1, 1e-2)
        alone.keep_buffers()
    found, expected = state_of(model, optimizer), state_of(other, other_optimizer)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
