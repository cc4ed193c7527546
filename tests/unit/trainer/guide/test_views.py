"""Random views: maps of four points, what is outside, gradients, the same for the same seed."""

import numpy as np
import torch

from trainer.guide.views import CROPPED, DISTORTION, homographies, random_maps, random_views


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_homographies_map_their_points() -> None:
    begins, ends = (torch.rand((5, 4, 2), generator=seeded(n), dtype=torch.float64) for n in (1, 2))
    maps = homographies(begins, ends)
    ones = torch.ones((5, 4, 1), dtype=torch.float64)
    mapped = torch.cat([begins, ones], dim=2) @ maps.transpose(1, 2)
    np.testing.assert_allclose(mapped[..., :2] / mapped[..., 2:], ends, atol=1e-9)


def test_maps_without_perspective_are_crops(monkeypatch) -> None:
    monkeypatch.setattr("trainer.guide.views.DISTORTION", 0.0)
    maps = random_maps(200, seeded())
    sides = maps[:, 0, 0]
    assert (sides**2 >= CROPPED[0]).all()
    assert (sides**2 <= CROPPED[1]).all()
    np.testing.assert_allclose(maps[:, 1, 1], sides)
    assert float((maps[:, :2, 2].abs() + sides[:, None]).max()) <= 1 + 1e-9, "inside of the drawing"


def test_a_white_drawing_stays_white_and_a_dark_one_has_white_around() -> None:
    assert (random_views(torch.ones(3, 24, 24), 6, 32, seeded()) == 1).all()
    dark = random_views(torch.zeros(3, 24, 24), 64, 32, seeded())
    assert dark.shape == (64, 3, 32, 32)
    share = float((dark > 0.5).float().mean())
    assert 0 < share < DISTORTION


def test_an_identity_map_gives_the_drawing(monkeypatch) -> None:
    monkeypatch.setattr("trainer.guide.views.random_maps", lambda num, generator: torch.eye(3).repeat(num, 1, 1))
    image = torch.rand((3, 16, 16), generator=seeded(4))
    views = random_views(image, 2, 16, seeded())
    torch.testing.assert_close(views, image[None].expand(2, -1, -1, -1), rtol=0, atol=1e-5)


def test_gradients_reach_the_drawing_and_a_seed_gives_its_views() -> None:
    image = torch.rand((3, 16, 16), generator=seeded(5), requires_grad=True)
    first = random_views(image, 4, 24, seeded(6))
    assert torch.equal(first, random_views(image, 4, 24, seeded(6)))
    assert not torch.equal(first, random_views(image, 4, 24, seeded(7)))
    first.sum().backward()
    assert image.grad is not None
    assert (image.grad[:, 4:12, 4:12] > 0).all()
