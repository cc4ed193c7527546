"""What a training holds on its device, as it is now, in host memory: the step after may change it at once.

Of a device the copies queue behind the steps that were started, so nothing waits for it here; who reads them waits.
What lies in host memory already, and changes at the next update alone, is copied by the thread that writes, beside the
forward and backward pass before that update:

    training   ... update 100 | take | forward, backward 101 ........ | whole? update 101
    writer                           | finish: copies | writes ...
"""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import torch

TensorFiles = Mapping[str, Mapping[str, torch.Tensor]]
"""Tensors by name, of each file by its name."""


@dataclass(frozen=True)
class Copied:
    """Copies, and the moment from which they are whole."""

    files: dict[str, dict[str, torch.Tensor]]
    _done: torch.cuda.Event | None
    _left: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)
    """Copies that are not made yet, each with what it is of."""
    taken: threading.Event = field(default_factory=threading.Event)
    """Set when what was copied may change."""

    def wait(self) -> None:
        """Make the copies that are left; return when all are whole."""
        for copy, tensor in self._left:
            copy.copy_(tensor)
        self._left.clear()
        self.taken.set()
        if self._done is not None:
            self._done.synchronize()


class HostCopies:
    """Memory for copies: with CUDA it is locked, so that the device copies by itself, and taken once for all times."""

    def __init__(self) -> None:
        self._memory: dict[tuple[str, str], torch.Tensor] = {}

    def take(self, files: TensorFiles, changing: Collection[str] | None = None) -> Copied:
        """Return contiguous copies; those that were taken before hold the same memory and must be done with.

        `changing` are the names of tensors that may change before `taken` is set: those in host memory are copied here
        and now, all others there in `wait`. Without it all may.
        """
        pinned = False
        copied: dict[str, dict[str, torch.Tensor]] = {}
        left = []
        for file, tensors in files.items():
            copied[file] = {}
            for name, tensor in tensors.items():
                pinned = pinned or tensor.is_cuda
                copy = copied[file][name] = self._memory_for((file, name), tensor)
                if changing is None or name in changing or tensor.is_cuda:
                    copy.copy_(tensor.detach(), non_blocking=True)
                else:
                    left.append((copy, tensor.detach()))
        done = torch.cuda.Event() if pinned else None
        if done is not None:
            done.record()
        return Copied(copied, done, left)

    def _memory_for(self, key: tuple[str, str], tensor: torch.Tensor) -> torch.Tensor:
        found = self._memory.get(key)
        if found is None or found.shape != tensor.shape or found.dtype != tensor.dtype:
            found = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=tensor.is_cuda)
            self._memory[key] = found
        return found
