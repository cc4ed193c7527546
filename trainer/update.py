"""What follows a backward pass: the update, or none where a gradient is not finite. Nothing here waits for the device.

A loss that is not finite gives gradients that are not, and what one worker's gradients lack all have after they were
averaged, so all workers decide alike without asking one another.
"""

from dataclasses import dataclass

import torch

from trainer.model.clip import CLIP


@dataclass(frozen=True)
class Updated:
    """What an update knows, on the device."""

    norm: torch.Tensor
    """Of all gradients together (L2)."""
    skipped: torch.Tensor
    """1 where the update was left out, else 0; float32."""


class Updater:
    """Updates weights; a step whose gradients are not finite leaves weights, statistics of the optimizer and buffers
    (BatchNorm's) as they were before it."""

    def __init__(self, model: CLIP, optimizer: torch.optim.Optimizer) -> None:
        self._model = model
        self._optimizer = optimizer
        self._parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        state = model.state_dict(keep_vars=True)
        self._buffers = [buffer for name, buffer in model.named_buffers() if name in state]
        self._kept = [torch.empty_like(buffer) for buffer in self._buffers]

    def keep_buffers(self) -> None:
        """Remember the buffers before a forward pass moves them: a skipped step puts them back."""
        if self._buffers:
            torch._foreach_copy_(self._kept, self._buffers)

    def update(self, learning_rate: float) -> Updated:
        """Update by the gradients that are there."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        norm = torch.nn.utils.get_total_norm([p.grad for p in self._parameters if p.grad is not None])
        is_skipped = ~torch.isfinite(norm)
        # torch's fused optimizers leave weights and statistics alone where this is 1
        self._optimizer.found_inf = is_skipped.float()  # type: ignore[attr-defined]
        self._optimizer.step()
        self._model.clamp_logit_scale()
        for buffer, kept in zip(self._buffers, self._kept, strict=True):
            torch.where(is_skipped, kept, buffer, out=buffer)
        return Updated(norm, is_skipped.float())
