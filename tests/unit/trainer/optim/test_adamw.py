"""Which weights decay, which rate each takes; the optimizer is torch's where all is float32."""

from typing import Literal

import pytest
import torch

from trainer.model.clip import CLIP
from trainer.optim.adamw import is_decayed, make_optimizer, set_learning_rate
from trainer.optim.half_adamw import HalfAdamW
from trainer.optim.text_weights import keep_text_weights
from trainer.options.optim import OptimOptions
from trainer.presets import PRESETS, Recipe

Precision = Literal["float32", "bfloat16"]
RECIPE = Recipe(learning_rate=1e-3, beta2=0.98, eps=1e-6, weight_decay=0.1)


def tiny(name: str = "vit-tiny") -> CLIP:
    torch.manual_seed(0)
    return CLIP(PRESETS[name].model)


def rates(model: CLIP, options: OptimOptions, rate: float = 1e-3) -> dict[str, float]:
    """The rate of each parameter, by its name, where the schedule says `rate`."""
    optimizer = make_optimizer(model, RECIPE, options)
    set_learning_rate(optimizer, rate)
    return {name: group["lr"] for group in optimizer.param_groups for name in group["param_names"]}


@pytest.mark.parametrize("name", ["rn-tiny", "vit-tiny"])
def test_only_weights_decay(name: str) -> None:
    model = tiny(name)
    spared = {n for n, parameter in model.named_parameters() if not is_decayed(n, parameter)}
    for n, parameter in model.named_parameters():
        last = n.rsplit(".", 1)[-1]
        gain = last == "weight" and parameter.ndim == 1
        expected = gain or last in ("bias", "positional_embedding", "class_embedding", "logit_scale")
        assert (n in spared) == expected, n
    groups = make_optimizer(model, PRESETS[name].recipe).param_groups
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    assert [group["weight_decay"] for group in groups] == [PRESETS[name].recipe.weight_decay, 0.0]
    assert set(groups[1]["param_names"]) == spared


def test_by_default_all_take_the_schedules_rate() -> None:
    assert set(rates(tiny(), OptimOptions(), rate=5e-4).values()) == {5e-4}


def test_each_encoder_has_its_own_peak() -> None:
    found = rates(tiny(), OptimOptions(image_learning_rate=1e-4, text_learning_rate=3e-3), rate=5e-4)
    assert found["image_encoder.proj"] == pytest.approx(5e-5)
    assert found["text_encoder.text_projection"] == pytest.approx(1.5e-3)
    assert found["logit_scale"] == 5e-4


@pytest.mark.parametrize("name", ["rn-tiny", "vit-tiny"])
def test_rates_fall_from_layer_to_layer(name: str) -> None:
    model = tiny(name)
    found = rates(model, OptimOptions(layer_decay=0.5))
    assert found["text_encoder.text_projection"] == found["logit_scale"] == 1e-3
    assert found["text_encoder.transformer.resblocks.1.mlp.c_fc.weight"] == 5e-4
    assert found["text_encoder.transformer.resblocks.0.ln_1.bias"] == 2.5e-4
    assert found["text_encoder.token_embedding.weight"] == 1.25e-4
    assert found["image_encoder.conv1.weight"] == pytest.approx(1e-3 / 2**5)
    groups = make_optimizer(model, RECIPE, OptimOptions(layer_decay=0.5)).param_groups
    assert len(groups) <= 2 * 6  # (weight decay, rate), not one for each parameter
    assert len({(group["weight_decay"], group["rate_scale"]) for group in groups}) == len(groups)


def test_frozen_parameters_are_left_out() -> None:
    model = tiny()
    model.image_encoder.requires_grad_(False)
    found = rates(model, OptimOptions())
    assert not any(name.startswith("image_encoder.") for name in found)
    assert "logit_scale" in found


def test_a_step_moves_each_weight_by_its_rate() -> None:
    """Adam's first step is the rate itself, up to eps: so the options reach the weights."""
    model = tiny()
    optimizer = make_optimizer(model, RECIPE, OptimOptions(layer_decay=0.5, text_learning_rate=4e-3))
    set_learning_rate(optimizer, 1e-3)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    moved = {name: (before[name] - parameter.detach()) for name, parameter in model.named_parameters()}
    for name, wanted in (("image_encoder.ln_post.bias", 1e-3), ("text_encoder.ln_final.bias", 4e-3),
                         ("text_encoder.transformer.resblocks.0.ln_1.bias", 1e-3)):  # fmt: skip
        torch.testing.assert_close(moved[name], torch.full_like(moved[name], wanted), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("statistics", "text_weights"), [("bfloat16", "float32"), ("float32", "bfloat16")])
def test_halves_take_the_optimizer_that_rounds_them(statistics: Precision, text_weights: Precision) -> None:
    model = tiny()
    assert type(make_optimizer(model, RECIPE)) is torch.optim.AdamW
    options = OptimOptions(adam_statistics=statistics, text_weights=text_weights)
    keep_text_weights(model, options.text_weights)
    optimizer = make_optimizer(model, RECIPE, options, seed=1)
    assert isinstance(optimizer, HalfAdamW)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    for parameter in model.parameters():
        assert str(optimizer.state[parameter]["exp_avg_sq"].dtype) == f"torch.{statistics}"
