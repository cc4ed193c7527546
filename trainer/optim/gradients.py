"""From gradients to an update: their norm, clipped, and skipped where it is not finite, without waiting for the device.

    loss.backward()
    applied = apply_gradients(optimizer, max_norm=config.clip_gradient_norm, scaler=scaler)
    model.clamp_logit_scale()

One pass over the gradients takes their norm; the optimizer's own pass divides them by what clipping and the loss scale
ask for, or leaves every weight as it is (`grad_scale` and `found_inf` of torch's fused optimizers, and of ours).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch.distributed.tensor import DTensor

from trainer.optim.loss_scale import LossScaler

_LEAST_NORM = 1e-6
"""Added to the norm, as `torch.nn.utils.clip_grads_with_norm_` does."""


@dataclass(frozen=True)
class Applied:
    """What became of a step; both are scalars on the device, the same for all workers."""

    norm: torch.Tensor
    """Of the gradient over all weights, before it was clipped."""
    skipped: torch.Tensor
    """1.0 where the gradient is not finite, so that nothing was updated; else 0.0."""


def gradient_norm(parameters: Iterable[torch.Tensor]) -> torch.Tensor:
    """Return the Euclidean norm of all gradients together, a scalar; 0.0 where there are none.

    In float32, also of halves; float64 stays. Gradients that DistributedDataParallel has averaged give each worker the
    same bits; of DTensors (FSDP) the shards are summed over the workers, and joined by what is whole.
    """
    by_type = defaultdict(list)
    for parameter in parameters:
        if parameter.grad is not None:
            by_type[parameter.grad.dtype, isinstance(parameter.grad, DTensor)].append(parameter.grad)
    norms: dict[bool, list[torch.Tensor]] = {True: [], False: []}
    for (dtype, is_sharded), gradients in by_type.items():
        wide = torch.float32 if dtype.itemsize < 4 else dtype
        norms[is_sharded] += [norm.to(wide) for norm in torch._foreach_norm(gradients, 2, dtype=wide)]
    totals = [_whole(torch.linalg.vector_norm(torch.stack(of_kind))) for of_kind in norms.values() if of_kind]
    if not totals:
        return torch.zeros(())
    return totals[0] if len(totals) == 1 else torch.linalg.vector_norm(torch.stack(totals))


def _whole(total: torch.Tensor) -> torch.Tensor:
    return total.full_tensor() if isinstance(total, DTensor) else total


def apply_gradients(
    optimizer: torch.optim.Optimizer, *, max_norm: float | None = None, scaler: LossScaler | None = None
) -> Applied:
    """Take the optimizer's step with the parameters' gradients, and say what became of it.

    They are scaled down so that their norm is at most `max_norm`. With a `scaler` they are those of the scaled loss,
    and its scale moves on. Where they are not finite nothing changes but the scale.
    """
    norm = gradient_norm(parameter for group in optimizer.param_groups for parameter in group["params"])
    if scaler is not None:
        norm = norm / scaler.current()
    skipped = norm.isfinite().logical_not().float()
    told = {"found_inf": skipped}
    if max_norm is not None:
        told["grad_scale"] = ((norm + _LEAST_NORM) / max_norm).clamp(min=1.0).float()
    vars(optimizer).update(told)
    if scaler is None:
        optimizer.step()
        for name in told:
            delattr(optimizer, name)
    else:  # it multiplies grad_scale with its own, and deletes both
        scaler.not_finite = skipped
        scaler.step(optimizer)
        scaler.update()
    return Applied(norm.detach(), skipped)
