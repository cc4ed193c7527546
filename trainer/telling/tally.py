"""Sums over the steps between two rows of metrics, on the device; added over the workers once a row, read a row later.

steps of row 1: add, add, ...  close --- one all-reduce, a copy to the host -->  read when row 2 is closed
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from trainer.optim.gradients import Applied
from trainer.workers.distributed import World

_OWN = ("loss", "norm", "skipped", "in_a_row")


@dataclass(frozen=True)
class Row:
    """The sums of a row, on their way."""

    _names: tuple[str, ...]
    _values: torch.Tensor
    _copied: torch.cuda.Event | None
    _steps: int

    def read(self) -> dict[str, float]:
        """Return the numbers by name, the same on all workers; waits only where the device is not done with the row.

        Beside what it was closed with it has `loss` and `norm`, means over the steps that were not skipped (nan
        without any), `skipped` steps, and `in_a_row`, the most of them one after another.
        """
        if self._copied is not None:
            self._copied.synchronize()
        found = dict(zip(self._names, self._values.tolist(), strict=True))
        found["skipped"] = round(found["skipped"])
        taken = self._steps - found["skipped"]
        for name in ("loss", "norm"):
            found[name] = found[name] / taken if taken else math.nan
        return found


class Tally:
    """Of one worker."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sums = torch.zeros(3, dtype=torch.float64, device=world.device)
        self._run = torch.zeros((), device=world.device)
        """Steps skipped in a row until now, over the ends of rows."""
        self._most = torch.zeros((), device=world.device)
        self._steps = 0

    def add(self, loss: torch.Tensor, applied: Applied) -> None:
        """Count a step; `loss` is this worker's share."""
        skipped = applied.skipped
        taken = torch.stack([loss.detach().to(skipped.dtype), applied.norm.to(skipped.dtype)])
        self._sums[:2] += torch.where(skipped > 0, 0.0, taken)
        self._sums[2] += skipped
        self._run = (self._run + skipped) * skipped
        self._most = torch.maximum(self._most, self._run)
        self._steps += 1

    def close(self, *, sums: Mapping[str, float], same: Mapping[str, torch.Tensor]) -> Row:
        """End a row. With it go numbers of this worker, to be added up, and scalars on the device that all have."""
        device = self._world.device
        own = torch.tensor(list(sums.values()), dtype=torch.float64)
        if device.type == "cuda":
            own = own.pin_memory()
        shared = [*self._sums.unbind(), self._most, *(value.detach() for value in same.values())]
        shared = [value.double() / self._world.size for value in shared]
        values = torch.cat([torch.stack(shared), own.to(device, non_blocking=True)])
        self._world.add_up(values)
        copied = None
        if device.type == "cuda":
            on_host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            values = on_host.copy_(values, non_blocking=True)
            copied = torch.cuda.Event()
            copied.record()
        row = Row((*_OWN, *same, *sums), values, copied, self._steps)
        self._sums = torch.zeros_like(self._sums)
        self._most, self._steps = torch.zeros_like(self._most), 0
        return row
