"""What the loader gives and the step takes.

Shapes: b rows of this worker, P pixels per side.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from trainer.data.packed_texts import PackedTexts


@dataclass(frozen=True)
class Batch:
    """This worker's rows of one global batch."""

    ids: npt.NDArray[np.int64]
    """Sample of each row by the order (`RowReader.ids`); a replaced one keeps its own here."""
    images_b3PP: torch.Tensor
    captions: list[str]
    texts: PackedTexts
    """The captions' tokens; none without a tokenizer."""
    replaced: int
    """Rows whose own sample could not be used."""
    first_place: int = 0
    """Place in the run of the first row; the others follow."""

    def places(self, device: torch.device | None = None) -> torch.Tensor:
        """Return the place of each row in the run, int64: what is drawn for a row is drawn by it."""
        return torch.arange(self.first_place, self.first_place + len(self.images_b3PP), device=device)
