"""A box begins as its patch."""

import pytest
import torch

from trainer.detect.model.boxes import to_corners
from trainer.detect.model.grid_bias import grid_bias


@pytest.mark.parametrize("side", [2, 3, 24])
def test_boxes_begin_as_the_cells_of_the_grid(side: int) -> None:
    corners = to_corners(torch.sigmoid(grid_bias(side))).reshape(side, side, 4) * side
    for row in (0, side - 1):
        for column in (0, side // 2):
            wanted = torch.tensor([column, row, column + 1, row + 1], dtype=torch.float32)
            torch.testing.assert_close(corners[row, column], wanted, atol=1e-4, rtol=0)


def test_one_patch_is_the_whole_image_and_finite() -> None:
    box = torch.sigmoid(grid_bias(1))
    assert torch.isfinite(grid_bias(1)).all()
    torch.testing.assert_close(box, torch.tensor([[0.5, 0.5, 1.0, 1.0]]), atol=2e-4, rtol=0)
