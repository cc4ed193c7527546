"""The average of the weights, against the formula in float64."""

from collections.abc import Callable

import pytest
import torch

from trainer.model.clip import CLIP
from trainer.optim.ema import Ema
from trainer.presets import ModelConfig, ResNetConfig, TextConfig

CONFIG = ModelConfig(
    embed_dim=8,
    image=ResNetConfig(image_px=32, width=8, blocks=(1, 1, 1, 1)),
    text=TextConfig(width=16, layers=1, heads=2, context_length=6, vocab_size=20),
)


def fresh(seed: int = 0) -> CLIP:
    torch.manual_seed(seed)
    return CLIP(CONFIG)


def moved(model: CLIP, ema: Ema, steps: int, each: Callable[[int], None] = lambda step: None) -> None:
    generator = torch.Generator().manual_seed(7)
    for step in range(1, steps + 1):
        with torch.no_grad():
            for tensor in model.state_dict().values():
                if tensor.is_floating_point():
                    tensor.add_(torch.randn(tensor.shape, generator=generator).to(tensor.dtype) * 0.1)
                else:
                    tensor.add_(1)
        ema.update(model, step)
        each(step)


def test_it_is_the_average_of_the_formula() -> None:
    model = fresh()
    ema = Ema(model, 0.5)
    wanted = {name: tensor.double() for name, tensor in model.state_dict().items()}

    def follow(step: int) -> None:
        decay = min(0.5, (1 + step) / (10 + step))
        for name, tensor in model.state_dict().items():
            wanted[name] = decay * wanted[name] + (1 - decay) * tensor.double()

    moved(model, ema, 12, follow)
    counters = 0
    for name, average in ema.state_dict().items():
        if average.is_floating_point():
            torch.testing.assert_close(average.double(), wanted[name], rtol=1e-5, atol=1e-6)
            assert not torch.equal(average, model.state_dict()[name])
        else:  # how many batches a BatchNorm has seen
            assert torch.equal(average, model.state_dict()[name])
            counters += 1
    assert counters > 0


def test_the_first_steps_keep_less_of_the_past() -> None:
    ema = Ema(fresh(), 0.9998)
    assert [ema.decay_at(step) for step in (1, 8, 10**6)] == [2 / 11, 0.5, 0.9998]


def test_halves_are_averaged_in_float32() -> None:
    model = fresh()
    model.text_encoder.to(torch.bfloat16)
    ema = Ema(model, 0.999)
    name = "text_encoder.text_projection"
    with torch.no_grad():
        model.text_encoder.text_projection.fill_(1.0)
    ema.load_state_dict({n: torch.ones_like(t) for n, t in ema.state_dict().items()}, "here")
    with torch.no_grad():
        model.text_encoder.text_projection.fill_(1 + 2**-7)
    ema.update(model, 10**6)
    average = ema.state_dict()[name]
    assert average.dtype == torch.float32
    assert float(average[0, 0]) == pytest.approx(1 + 0.001 * 2**-7, abs=1e-7)  # less than bfloat16 can tell from 1


def test_a_checkpoint_takes_it_up() -> None:
    model, resumed = fresh(), fresh()
    ema, other = Ema(model, 0.9), Ema(fresh(1), 0.9)
    moved(model, ema, 3)
    other.load_state_dict({name: tensor.clone() for name, tensor in ema.state_dict().items()}, "here")
    resumed.load_state_dict(model.state_dict())
    for step in (4, 5):
        ema.update(model, step)
        other.update(resumed, step)
    assert all(torch.equal(average, other.state_dict()[name]) for name, average in ema.state_dict().items())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.pop("logit_scale"), "'logit_scale' is in one of both alone"),
        (lambda t: t.update(more=torch.ones(1)), "'more' is in one of both alone"),
        (lambda t: t.update(logit_scale=torch.ones(2)), r"logit_scale must have shape \[\], found \[2\]"),
    ],
)
def test_averages_of_another_model_are_refused(change: Callable[[dict[str, torch.Tensor]], object], told: str) -> None:
    ema = Ema(fresh(), 0.9)
    tensors = ema.state_dict()
    change(tensors)
    with pytest.raises(ValueError, match=f"a/ema.safetensors: .*{told}"):
        ema.load_state_dict(tensors, "a/ema.safetensors")


def test_the_model_has_the_averages_inside_and_its_own_weights_afterwards() -> None:
    model = fresh()
    ema = Ema(model, 0.9)
    moved(model, ema, 3)
    own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with ema.applied_to(model):
        assert all(torch.equal(tensor, ema.state_dict()[name]) for name, tensor in model.state_dict().items())
    assert all(torch.equal(tensor, own[name]) for name, tensor in model.state_dict().items())
    with pytest.raises(KeyError), ema.applied_to(model):
        raise KeyError
    assert all(torch.equal(tensor, own[name]) for name, tensor in model.state_dict().items())
