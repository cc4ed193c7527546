"""The products of a loss tile by tile: a block of logits is made, used and written over by the next.

Shapes: b image rows of this worker, B texts of all workers, t rows and c columns of a tile, E embedding.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from trainer.model.precision import float32_products

ROWS = 512
COLUMNS = {"cpu": 2_048}
"""Columns of a tile by kind of device. On a CPU both buffers then stay in its cache; a device that is not named has all
columns in a tile, since few large kernels are faster there."""


@dataclass(frozen=True)
class Tile:
    """A block of the logits; its positive pairs lie on the diagonal `offset` (`torch.diagonal`), which may miss it."""

    rows: slice
    columns: slice
    offset: int
    logits_tc: torch.Tensor

    def positives(self, block_tc: torch.Tensor) -> torch.Tensor:
        """Return the view of a block's positive pairs."""
        return torch.diagonal(block_tc, self.offset)

    @property
    def positive_rows(self) -> slice:
        """The image rows, among this worker's, whose positive is in the tile."""
        first = self.rows.start + max(0, -self.offset)
        count = torch.diagonal(self.logits_tc, self.offset).numel()
        return slice(first, first + count)


class Tiles:
    """Buffers of one tile and its size, made once and used for all tiles of a pass."""

    def __init__(self, images_bE: torch.Tensor, num_texts: int) -> None:
        self.rows = max(1, min(ROWS, len(images_bE)))
        self.columns = max(1, min(COLUMNS.get(images_bE.device.type, num_texts), num_texts))
        self._logits = images_bE.new_empty(self.rows * self.columns)
        self._spare = images_bE.new_empty(self.rows * self.columns)
        self._scaled_tE = images_bE.new_empty(self.rows, images_bE.shape[1])

    def spare(self, tile: Tile) -> torch.Tensor:
        """Return a second block of the tile's shape, of any content."""
        return self._spare[: tile.logits_tc.numel()].view_as(tile.logits_tc)

    def row_blocks(self, images_bE: torch.Tensor, scale: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
        """Yield the rows of each row of tiles, and their images times the scale."""
        for start in range(0, len(images_bE), self.rows):
            rows = slice(start, min(start + self.rows, len(images_bE)))
            scaled_tE = self._scaled_tE[: rows.stop - rows.start]
            torch.mul(images_bE[rows], scale, out=scaled_tE)
            yield rows, scaled_tE

    def of_rows(self, rows: slice, scaled_tE: torch.Tensor, texts_BE: torch.Tensor, first: int) -> Iterator[Tile]:
        """Yield the tiles of these rows from left to right. `first` is the text that belongs to image 0."""
        for start in range(0, len(texts_BE), self.columns):
            columns = slice(start, min(start + self.columns, len(texts_BE)))
            shape = (rows.stop - rows.start, columns.stop - columns.start)
            logits_tc = self._logits[: shape[0] * shape[1]].view(shape)
            torch.mm(scaled_tE, texts_BE[columns].T, out=logits_tc)
            yield Tile(rows, columns, first + rows.start - columns.start, logits_tc)


@contextmanager
def tile_precision(device: torch.device) -> Iterator[None]:
    """Let a GPU make the products in TF32, whatever it makes the model's in.

    Gradients are then right to 5e-4 of the largest at scale 100; bfloat16 would give 4e-3, so autocast is off here.
    """
    with torch.autocast(device.type, enabled=False), float32_products(device, "tf32"):
        yield
