"""Interpolated position embeddings keep the first, planes stay planes, and corners stay where they are."""

import pytest
import torch

from trainer.weights.position_embeddings import resize_positions


def plane(side: int) -> torch.Tensor:
    """A class token, then a grid that grows by its place: centres of cells in 0 .. 1."""
    places = (torch.arange(side) + 0.5) / side
    grid = torch.stack(torch.meshgrid(places, places, indexing="ij"), dim=-1).reshape(-1, 2)
    return torch.cat([torch.full((1, 2), 9.0), grid])


@pytest.mark.parametrize(("old", "new"), [(4, 6), (16, 24), (8, 4)])
def test_a_plane_stays_a_plane_away_from_the_border(old: int, new: int) -> None:
    found = resize_positions(plane(old), new * new + 1)
    assert found.shape == (new * new + 1, 2)
    assert torch.equal(found[0], torch.tensor([9.0, 9.0]))
    reach = -(-3 * new // old) if new > old else 2
    inside = slice(reach, new - reach)
    grids = [positions[1:].reshape(new, new, 2)[inside, inside] for positions in (found, plane(new))]
    torch.testing.assert_close(grids[0], grids[1], atol=0.02, rtol=0)


def test_the_same_size_is_left_as_it_is() -> None:
    positions = torch.randn(17, 3)
    assert torch.equal(resize_positions(positions, 17), positions)


@pytest.mark.parametrize(("found", "wanted"), [(18, 17), (17, 18), (1, 17), (17, 1)])
def test_no_square_is_refused(found: int, wanted: int) -> None:
    with pytest.raises(ValueError, match=f"{found} positions cannot become {wanted}"):
        resize_positions(torch.zeros(found, 2), wanted)
