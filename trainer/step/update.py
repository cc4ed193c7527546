"""What follows a backward pass: the update, or none where a gradient is not finite. Nothing here waits for the device.

A loss that is not finite gives gradients that are not, and what one worker's gradients lack all have after they were
averaged, so all workers decide alike without asking one another.
"""

from collections.abc import Callable

import torch

from trainer.model.clip import CLIP
from trainer.optim.adamw import set_learning_rate
from trainer.optim.ema import Ema
from trainer.optim.gradients import Applied, apply_gradients
from trainer.optim.loss_scale import LossScaler


class Updater:
    """Updates weights; a step whose gradients are not finite leaves weights, statistics of the optimizer and buffers
    (BatchNorm's) as they were before it."""

    def __init__(
        self,
        model: CLIP,
        optimizer: torch.optim.Optimizer,
        *,
        max_norm: float | None = None,
        scaler: LossScaler | None = None,
        ema: Ema | None = None,
        before: Callable[[], None] | None = None,
    ) -> None:
        """Clip gradients to `max_norm`, divide them by the scale of `scaler`, have `ema` follow the weights.

        `before` is called before weights or statistics change: it returns when they may.
        """
        self._before = before
        self._model = model
        self._optimizer = optimizer
        self._max_norm = max_norm
        self.scaler = scaler
        self._ema = ema
        state = model.state_dict(keep_vars=True)
        self._buffers = [buffer for name, buffer in model.named_buffers() if name in state]
        self._kept = [torch.empty_like(buffer) for buffer in self._buffers]

    def keep_buffers(self) -> None:
        """Remember the buffers before a forward pass moves them: a skipped step puts them back."""
        if self._buffers:
            torch._foreach_copy_(self._kept, self._buffers)

    def update(self, step: int, learning_rate: float) -> Applied:
        """Make step `step`, counted from 1, of the gradients that are there."""
        if self._before is not None:
            self._before()
        set_learning_rate(self._optimizer, learning_rate)
        applied = apply_gradients(self._optimizer, max_norm=self._max_norm, scaler=self.scaler)
        self._model.clamp_logit_scale()
        is_skipped = applied.skipped > 0
        for buffer, kept in zip(self._buffers, self._kept, strict=True):
            torch.where(is_skipped, kept, buffer, out=buffer)
        if self._ema is not None:
            self._ema.update(self._model, step)
        return applied
