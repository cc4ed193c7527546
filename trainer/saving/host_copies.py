"""What a training holds on its device, as it is now, in host memory: the step after may change it at once.

The copies queue behind the steps that were started, so nothing waits for the device here; who reads them waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

TensorFiles = Mapping[str, Mapping[str, torch.Tensor]]
"""Tensors by name, of each file by its name."""


@dataclass(frozen=True)
class Copied:
    """Copies, and the moment from which they are whole."""

    files: dict[str, dict[str, torch.Tensor]]
    _done: torch.cuda.Event | None

    def wait(self) -> None:
        """Return when the device has copied everything."""
        if self._done is not None:
            self._done.synchronize()


class HostCopies:
    """Memory for copies: with CUDA it is locked, so that the device copies by itself, and taken once for all times."""

    def __init__(self) -> None:
        self._memory: dict[tuple[str, str], torch.Tensor] = {}

    def take(self, files: TensorFiles) -> Copied:
        """Return contiguous copies; those that were taken before hold the same memory and must be done with."""
        pinned = False
        copied: dict[str, dict[str, torch.Tensor]] = {}
        for file, tensors in files.items():
            copied[file] = {}
            for name, tensor in tensors.items():
                pinned = pinned or tensor.is_cuda
                copy = self._memory_for((file, name), tensor)
                copied[file][name] = copy.copy_(tensor.detach(), non_blocking=True)
        done = torch.cuda.Event() if pinned else None
        if done is not None:
            done.record()
        return Copied(copied, done)

    def _memory_for(self, key: tuple[str, str], tensor: torch.Tensor) -> torch.Tensor:
        found = self._memory.get(key)
        if found is None or found.shape != tensor.shape or found.dtype != tensor.dtype:
            found = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=tensor.is_cuda)
            self._memory[key] = found
        return found
