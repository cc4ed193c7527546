"""AdamW with decoupled weight decay on weights only (CLIP, section 2.5), its rates by encoder and layer."""

from typing import Any

import torch
from torch import nn
from torch.distributed.tensor import DTensor

from trainer.optim.half_adamw import HalfAdamW
from trainer.optim.layers import Layer, find_layers
from trainer.options.optim import OptimOptions
from trainer.presets import Recipe

_NEVER_DECAYED = ("positional_embedding", "class_embedding", "logit_scale")


def is_decayed(name: str, parameter: nn.Parameter) -> bool:
    """Tell whether weight decay applies: not to gains, biases, class and position embeddings, logit scale."""
    return parameter.ndim >= 2 and name.rsplit(".", 1)[-1] not in _NEVER_DECAYED


def make_optimizer(
    model: nn.Module, recipe: Recipe, options: OptimOptions | None = None, *, seed: int = 0
) -> torch.optim.Optimizer:
    """Return AdamW over the parameters of `model` that have gradients; a run's config serves as `options`.

    torch's fused one where all is float32, else `HalfAdamW`, whose draws `seed` decides. Groups are few: one for each
    weight decay and `rate_scale`, the part of the schedule's rate that its parameters take, shards apart from what is
    whole. Before each step `set_learning_rate` sets the rates. Freeze parameters, call `keep_text_weights`, and shard
    the model, before.
    The optimizer takes `grad_scale` and `found_inf` (see `trainer.optim.gradients.apply_gradients`).
    """
    options = options or OptimOptions()
    groups = _groups(model, recipe, options)
    betas = recipe.beta1, recipe.beta2
    if options.adam_statistics == options.text_weights == "float32":
        return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=betas, eps=recipe.eps, fused=True)
    return HalfAdamW(
        groups,
        lr=recipe.learning_rate,
        betas=betas,
        eps=recipe.eps,
        statistics=getattr(torch, options.adam_statistics),
        seed=seed,
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give each group its part of the schedule's `rate`."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_scale"]


def _groups(model: nn.Module, recipe: Recipe, options: OptimOptions) -> list[dict[str, Any]]:
    """Return the groups, faster ones first, of two alike the decayed one; parameters in the model's order, named."""
    layers = find_layers(name for name, _ in model.named_parameters())
    groups: dict[tuple[float, float, bool], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        scale = _rate_scale(layers[name], recipe, options)
        decay = recipe.weight_decay if is_decayed(name, parameter) else 0.0
        group = groups.setdefault(
            (-scale, -decay, isinstance(parameter, DTensor)), {"params": [], "weight_decay": decay, "rate_scale": scale}
        )
        group["params"].append((name, parameter))
    return [groups[key] for key in sorted(groups)]


def _rate_scale(layer: Layer, recipe: Recipe, options: OptimOptions) -> float:
    peaks = {"image": options.image_learning_rate, "text": options.text_learning_rate, None: None}
    peak = peaks[layer.encoder] or recipe.learning_rate
    return peak / recipe.learning_rate * options.layer_decay**layer.below_top
