"""AdamW with decoupled weight decay on weights only (CLIP, section 2.5)."""

import torch
from torch import nn

from trainer.presets import Recipe

_NEVER_DECAYED = ("positional_embedding", "class_embedding", "logit_scale")


def is_decayed(name: str, parameter: nn.Parameter) -> bool:
    """Tell whether weight decay applies: not to gains, biases, class and position embeddings, logit scale."""
    return parameter.ndim >= 2 and name.rsplit(".", 1)[-1] not in _NEVER_DECAYED


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """Return AdamW over two groups, decayed and not, in the order of the model's parameters."""
    named = list(model.named_parameters())
    groups = [
        {"params": [p for name, p in named if is_decayed(name, p)], "weight_decay": recipe.weight_decay},
        {"params": [p for name, p in named if not is_decayed(name, p)], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=recipe.learning_rate, betas=(recipe.beta1, recipe.beta2), eps=recipe.eps, fused=True
    )
