"""A worker's rows of a batch, cut into those whose activations fit the device.

Shapes: b rows of this worker, m rows of a micro-batch, P pixels per side.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from trainer.data.packed_texts import PackedTexts


@dataclass(frozen=True)
class MicroBatch:
    """What the model is given at once."""

    images_m3PP: torch.Tensor
    texts: PackedTexts
    places_m: torch.Tensor
    """Of the rows in the run: what is drawn for a row is drawn by it."""


def micro_batches(
    images_b3PP: torch.Tensor, texts: PackedTexts, places_b: torch.Tensor, size: int
) -> Sequence[MicroBatch]:
    """Return the rows in order, `size` at a time; the last may be fewer. They share the batch's memory."""
    bounds = [(start, min(start + size, len(images_b3PP))) for start in range(0, len(images_b3PP), size)]
    return [
        MicroBatch(images_b3PP[start:stop], texts.rows(start, stop), places_b[start:stop]) for start, stop in bounds
    ]
