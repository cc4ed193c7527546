"""Curves of a drawing: against De Casteljau's construction; first ones, and their ranges."""

import numpy as np
import torch

from trainer.guide.strokes import LEAST_WIDTH, MOST_WIDTH, Strokes, first_strokes, points_on_curves

CPU = torch.device("cpu")


def by_halving(controls: np.ndarray, t: float) -> np.ndarray:
    while len(controls) > 1:
        controls = (1 - t) * controls[:-1] + t * controls[1:]
    return controls[0]


def test_points_are_de_casteljaus() -> None:
    points_K42 = first_strokes(7, torch.Generator().manual_seed(0), CPU).points_K42.detach().double()
    found = points_on_curves(points_K42, 9).numpy()
    wanted = [[by_halving(curve.numpy(), t) for t in np.linspace(0, 1, 9)] for curve in points_K42]
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_first_strokes_are_those_of_the_seed() -> None:
    first, again, other = (first_strokes(5, torch.Generator().manual_seed(seed), CPU) for seed in (1, 1, 2))
    for one, same, changed in zip(first.parameters(), again.parameters(), other.parameters(), strict=True):
        assert one.requires_grad
        assert torch.equal(one, same)
        assert one.shape == changed.shape
    assert not torch.equal(first.points_K42, other.points_K42)


def test_ranges() -> None:
    strokes = Strokes(torch.full((2, 4, 2), 7.0), torch.tensor([0.0, 1.0]), torch.tensor([[-1.0, 0.5, 2.0, 1.5]] * 2))
    strokes.keep_in_range()
    assert strokes.widths_K.tolist() == torch.tensor([LEAST_WIDTH, MOST_WIDTH]).tolist()
    assert strokes.colours_K4[0].tolist() == [0, 0.5, 1, 1]
    assert (strokes.points_K42 == 7).all(), "points may leave the drawing"
