"""Random draws of a forward pass, made once more: the states of torch's generators, of the CPU and of the device."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class RandomState:
    """Where the generators stood."""

    cpu: torch.Tensor
    device: torch.Tensor | None
    """Of a CUDA device."""


def random_state(device: torch.device) -> RandomState:
    """Return where the generators of the CPU and of `device` stand."""
    on_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return RandomState(torch.get_rng_state(), on_device)


def set_random_state(state: RandomState, device: torch.device) -> None:
    """Let the next draws be those that followed `state`."""
    torch.set_rng_state(state.cpu)
    if state.device is not None:
        torch.cuda.set_rng_state(state.device, device)


@contextmanager
def random_state_kept(device: torch.device) -> Iterator[None]:
    """Leave the generators as they were before."""
    before = random_state(device)
    try:
        yield
    finally:
        set_random_state(before, device)
