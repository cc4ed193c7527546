"""Patch dropout: in training an image is seen by some of its patches (FLIP, arXiv 2212.00794, section 3.1).

Which ones is a function of the seed and the image's place in the run: the same for any number of workers, any
micro-batches, and when a forward pass is made again.

Shapes: N images, L patches of an image, K of them kept.
"""

from dataclasses import dataclass

import torch

GOLDEN = -0x61C8864680B583EB
"""SplitMix64's step, 0x9E3779B97F4A7C15, as a signed number."""
FIRST, SECOND = -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15
"""Its multipliers 0xBF58476D1CE4E5B9 and 0x94D049BB133111EB (Steele, Lea and Flood, OOPSLA 2014)."""


@dataclass(frozen=True)
class PatchDropout:
    """Drops patches of images."""

    share: float
    """Of an image's patches that are dropped, 0 .. 1; one is always kept."""
    seed: int

    def kept(self, places_N: torch.Tensor, num_patches: int) -> torch.Tensor:
        """Return ``[N, K]``: which patches of the images at `places_N` (int64) of the run are kept, in order."""
        num_kept = max(1, int(num_patches * (1 - self.share)))
        seed = mix64(places_N.new_full((), self.seed))  # made on the device: a copy from the host would wait for it
        keys_N1 = mix64(places_N + seed)[:, None]
        draws_NL = mix64(keys_N1 + GOLDEN * torch.arange(1, num_patches + 1, device=places_N.device))
        return draws_NL.argsort(dim=1, stable=True)[:, :num_kept].sort(dim=1).values


def mix64(x: torch.Tensor) -> torch.Tensor:
    """Return SplitMix64's output for the int64 states `x`: 64 well mixed bits each; products wrap around."""
    x = x + GOLDEN
    x = (x ^ _shift(x, 30)) * FIRST
    x = (x ^ _shift(x, 27)) * SECOND
    return x ^ _shift(x, 31)


def _shift(x: torch.Tensor, bits: int) -> torch.Tensor:
    """Return `x` shifted right with zeros coming in, whatever its sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)
