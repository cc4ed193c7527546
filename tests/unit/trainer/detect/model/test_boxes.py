"""Overlap of boxes against counting the pixels of a grid, and against its laws."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.detect.model.boxes import area, pairwise_giou, pairwise_iou, to_centres, to_corners

SIDE = 12
EDGES = st.integers(0, SIDE)
BOX = st.tuples(EDGES, EDGES, EDGES, EDGES).map(
    lambda e: [min(e[0], e[1]), min(e[2], e[3]), max(e[0], e[1]), max(e[2], e[3])]
)
BOXES = st.lists(BOX, min_size=1, max_size=4).map(lambda boxes: torch.tensor(boxes, dtype=torch.float64))


def cells(box: torch.Tensor) -> np.ndarray:
    grid = np.zeros((SIDE, SIDE), dtype=bool)
    left, top, right, bottom = map(int, box.tolist())
    grid[top:bottom, left:right] = True
    return grid


@given(BOXES, BOXES)
def test_overlap_is_what_counting_cells_gives(first: torch.Tensor, second: torch.Tensor) -> None:
    iou, union = pairwise_iou(first, second)
    giou = pairwise_giou(first, second)
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            both, either = (cells(a) & cells(b)).sum(), (cells(a) | cells(b)).sum()
            assert union[i, j] == either
            assert abs(iou[i, j] - (both / either if either else 0)) < 1e-12
            wide = max(a[2], b[2]) - min(a[0], b[0])
            around = float(wide * (max(a[3], b[3]) - min(a[1], b[1])))
            wanted = float(iou[i, j]) - ((around - either) / around if around else 0)
            assert abs(giou[i, j] - wanted) < 1e-12


@given(BOXES)
def test_forms_are_each_others_inverse(boxes: torch.Tensor) -> None:
    assert torch.equal(to_corners(to_centres(boxes)), boxes)
    sizes = to_centres(boxes)[:, 2:]
    assert torch.equal(area(boxes), sizes[:, 0] * sizes[:, 1])


def test_leading_dimensions_are_kept() -> None:
    first, second = torch.rand(3, 5, 4), torch.rand(3, 2, 4)
    whole = pairwise_giou(to_corners(first), to_corners(second))
    assert whole.shape == (3, 5, 2)
    torch.testing.assert_close(whole[1], pairwise_giou(to_corners(first[1]), to_corners(second[1])))
