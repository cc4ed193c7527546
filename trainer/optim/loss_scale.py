"""float16's loss scale: a factor that keeps small gradients above float16's least value, found while training.

    scaler = make_loss_scaler(config.precision, device)          None for other precisions
    scaler.scale(loss).backward()                                as `trainer.step.backward.backward` does
    applied = apply_gradients(optimizer, scaler=scaler)          divides by the scale, halves it after an overflow

float16's least value is 2^-24 (6e-8): without a scale, gradients of features and activations below it would be zero.
"""

import json

import torch


class LossScaler(torch.amp.GradScaler):
    """torch's scaler; whether a gradient is finite is told by its norm, which all workers have alike.

    torch's own reads all gradients once more, and those of this worker's shards alone: under FSDP one worker would
    update what another skips. Its scale starts at 2^16, doubles after 2,000 good steps, halves after a bad one.
    """

    not_finite: torch.Tensor | None = None
    """1.0 or 0.0 on the device, for the step to come."""

    def _unscale_grads_(
        self, optimizer: torch.optim.Optimizer, inv_scale: torch.Tensor, found_inf: torch.Tensor, allow_fp16: bool
    ) -> dict[torch.device, torch.Tensor]:
        """Return the flag by device, in place of the gradients' own check."""
        assert self.not_finite is not None, "apply_gradients takes the step"
        return {self.not_finite.device: self.not_finite}

    def current(self) -> torch.Tensor:
        """Return the scale on the device, after the first scaled loss."""
        scale = self._get_scale_async()
        assert scale is not None, "the loss is scaled first"
        return scale

    def load_json(self, body: bytes, where: str) -> None:
        """Take up `state_dict` as JSON, read from `where`. Raises ValueError for anything else."""
        try:
            self.load_state_dict(json.loads(body))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"{where}: expected the state of a loss scale, found {error!r}") from error


def make_loss_scaler(precision: str, device: torch.device) -> LossScaler | None:
    """Return the scaler that `precision` float16 needs, None for the others. CPUs have it, too."""
    return LossScaler(device.type) if precision == "float16" else None
