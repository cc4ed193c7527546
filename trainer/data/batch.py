"""What the loader gives and the step takes.

Shapes: b rows of this worker, P pixels per side, F numbers of a file.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from trainer.data.decode.crop import Crop
from trainer.data.packed_texts import PackedTexts

FILE_COLUMNS = 2 + len(Crop._fields)
"""Of a row that holds a JPEG's bytes in place of its pixels: how many, whether its sample was replaced, its `Crop`."""


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
    files_bF: npt.NDArray[np.int64] | None = None
    """Where JPEGs are handed over to the device (`loading/device_decoding.py`), the numbers of each row's; 0 bytes: its
    pixels are there. None where all pixels are: so in whatever a step takes."""

    def places(self, device: torch.device | None = None) -> torch.Tensor:
        """Return the place of each row in the run, int64: what is drawn for a row is drawn by it."""
        return torch.arange(self.first_place, self.first_place + len(self.images_b3PP), device=device)
