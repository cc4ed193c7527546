"""Pixels of strokes: against a plain drawing by many points, tile by tile, and gradients by finite differences."""

import numpy as np
import pytest
import torch

from trainer.guide import rasterise as rasterising
from trainer.guide.rasterise import rasterise
from trainer.guide.strokes import Strokes, first_strokes, points_on_curves

CPU = torch.device("cpu")


def some_strokes(num: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Strokes:
    strokes = first_strokes(num, torch.Generator().manual_seed(seed), CPU)
    widths_K = 0.02 + 0.1 * torch.rand(num, generator=torch.Generator().manual_seed(seed))
    points_K42 = strokes.points_K42.detach() * 1.2 - 0.1
    return Strokes(points_K42.to(dtype), widths_K.to(dtype), strokes.colours_K4.detach().to(dtype))


def plainly(strokes: Strokes, size_px: int) -> np.ndarray:
    """Lay stroke over stroke; the nearest of 1,001 points on the curve is a pixel's distance.

    Its cover is the part of its breadth, one pixel at that distance, that lies in the stroke.
    """
    image = np.ones((3, size_px, size_px))
    steps = np.arange(size_px) + 0.5
    curves = (points_on_curves(strokes.points_K42, 1_001) * size_px).numpy()
    for curve, width, colour in zip(curves, strokes.widths_K.numpy(), strokes.colours_K4.numpy(), strict=True):
        radius = width * size_px / 2
        for row, y in enumerate(steps):
            for column, x in enumerate(steps):
                distance = np.hypot(curve[:, 0] - x, curve[:, 1] - y).min()
                cover = max(0.0, min(distance + 0.5, radius) - max(distance - 0.5, -radius))
                alpha = cover * colour[3]
                image[:, row, column] = image[:, row, column] * (1 - alpha) + colour[:3] * alpha
    return image


def test_as_a_plain_drawing() -> None:
    strokes = some_strokes(6)
    found = rasterise(strokes, 24, num_points=257).numpy()
    np.testing.assert_allclose(found, plainly(strokes, 24), atol=2e-3)
    assert (found < 0.9).any()


@pytest.mark.parametrize("tile_px", [7, 16, 40, 64])
def test_the_same_in_any_tiles(tile_px: int, monkeypatch: pytest.MonkeyPatch) -> None:
    strokes = some_strokes(12, seed=1)
    wanted = rasterise(strokes, 40)
    monkeypatch.setattr(rasterising, "TILE_PX", tile_px)
    monkeypatch.setattr(rasterising, "_NEAREST_VALUES", 5_000)
    torch.testing.assert_close(rasterise(strokes, 40), wanted, rtol=0, atol=1e-12)


def test_gradients_are_those_of_finite_differences() -> None:
    points, widths, colours = (part.requires_grad_() for part in some_strokes(4, seed=2).parameters())
    weights = torch.rand((3, 20, 20), generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def weighted(points: torch.Tensor, widths: torch.Tensor, colours: torch.Tensor) -> torch.Tensor:
        return (weights * rasterise(Strokes(points, widths, colours), 20)).sum()

    assert torch.autograd.gradcheck(weighted, (points, widths, colours), eps=1e-7, atol=1e-4, rtol=1e-3)
    weighted(points, widths, colours).backward()
    assert all(float(part.grad.abs().min(dim=0).values.max()) > 0 for part in (points, widths, colours))


def test_nothing_is_white_and_thin_strokes_are_faint() -> None:
    far = Strokes(torch.full((1, 4, 2), 9.0), torch.tensor([0.1]), torch.tensor([[0.0, 0.0, 0.0, 1.0]]))
    assert (rasterise(far, 33) == 1).all()
    row = torch.tensor([[[-1.0, 0.5], [0.0, 0.5], [0.9, 0.5], [2.0, 0.5]]])
    thin = Strokes(row, torch.tensor([0.5 / 33]), torch.tensor([[0.0, 0.0, 0.0, 1.0]]))
    assert rasterise(thin, 33)[0, 16].numpy() == pytest.approx(np.full(33, 0.5), abs=1e-4), "half a pixel wide"
