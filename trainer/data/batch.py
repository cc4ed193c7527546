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
