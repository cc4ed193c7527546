"""Strokes in, pixels out, with a gradient for each of their numbers.

A pixel's cover by a stroke follows from its centre's distance to the curve, which is taken as straight pieces:

    cover        1 |-------.
                   |        \\            falls from 1 to 0 in one pixel around the edge, so that edges are smooth and
                 0 |         `-------    the gradient knows which way they have to move
                   0      width/2   distance

A stroke thinner than a pixel covers no more of it than its width. Strokes lie over one another by their opacity, on
white. The drawing is made tile by tile, of the strokes that reach it.
Shapes: K strokes of the drawing, k of a tile, T points on each, P pixels of a tile, S pixels per side.
"""

import torch

from trainer.guide.strokes import Strokes, points_on_curves

NUM_POINTS = 17
"""On a curve: 16 straight pieces."""
TILE_PX = 32
_NEAREST_VALUES = 1 << 22
"""Of distances that are held at a time while nearest pieces are looked for: 16 MiB each in float32."""
_OPAQUE = 1 - 1e-6
"""The most opaque: light that is never quite zero has a gradient everywhere."""
_EPSILON = 1e-12


def rasterise(strokes: Strokes, size_px: int, num_points: int = NUM_POINTS) -> torch.Tensor:
    """Return ``[3, S, S]``, 0 .. 1.

    What is held for the gradient are some ten numbers for each pixel of a tile and stroke that may reach it.
    """
    points_KT2 = points_on_curves(strokes.points_K42, num_points) * size_px
    radii_K = strokes.widths_K * (size_px / 2)
    with torch.no_grad():
        reach_K1 = radii_K[:, None] + 0.5
        lows_K2, highs_K2 = points_KT2.amin(dim=1) - reach_K1, points_KT2.amax(dim=1) + reach_K1
    rows = []
    for top in range(0, size_px, TILE_PX):
        tiles = []
        for left in range(0, size_px, TILE_PX):
            width, height = min(TILE_PX, size_px - left), min(TILE_PX, size_px - top)
            is_near_K = (lows_K2[:, 0] < left + width) & (highs_K2[:, 0] > left)
            is_near_K &= (lows_K2[:, 1] < top + height) & (highs_K2[:, 1] > top)
            near_k = is_near_K.nonzero().flatten()
            pixels_P2 = _centres(left, top, width, height, points_KT2)
            light_3P = _tile(points_KT2[near_k], radii_K[near_k], strokes.colours_K4[near_k], pixels_P2)
            tiles.append(light_3P.view(3, height, width))
        rows.append(torch.cat(tiles, dim=2))
    return torch.cat(rows, dim=1)


def _centres(left: int, top: int, width: int, height: int, like: torch.Tensor) -> torch.Tensor:
    """Return the pixels' centres ``[P, 2]``, row by row."""
    columns = torch.arange(left, left + width, dtype=like.dtype, device=like.device) + 0.5
    rows = torch.arange(top, top + height, dtype=like.dtype, device=like.device) + 0.5
    return torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1).view(-1, 2)


def _tile(
    points_kT2: torch.Tensor, radii_k: torch.Tensor, colours_k4: torch.Tensor, pixels_P2: torch.Tensor
) -> torch.Tensor:
    """Return the light ``[3, P]`` of the strokes over white."""
    distances_kP = _distances(points_kT2, pixels_P2)
    radii_k1 = radii_k[:, None]
    cover_kP = (radii_k1 - distances_kP + 0.5).clamp(0, 1) - (-radii_k1 - distances_kP + 0.5).clamp(0, 1)
    alpha_kP = _OPAQUE * cover_kP * colours_k4[:, 3:]
    above_kP = torch.cat([(1 - alpha_kP).flip(0).cumprod(dim=0).flip(0), torch.ones_like(pixels_P2[None, :, 0])])
    return colours_k4[:, :3].T @ (alpha_kP * above_kP[1:]) + above_kP[0]


def _distances(points_kT2: torch.Tensor, pixels_P2: torch.Tensor) -> torch.Tensor:
    """Return from each pixel to each curve ``[k, P]``.

    The nearest point is looked for without a gradient: where it moves along the curve the distance does not change.
    """
    piece_kP, part_kP = _nearest(points_kT2.detach(), pixels_P2)
    begins_kP2 = points_kT2.gather(1, piece_kP[..., None].expand(-1, -1, 2))
    ends_kP2 = points_kT2.gather(1, (piece_kP + 1)[..., None].expand(-1, -1, 2))
    nearest_kP2 = torch.lerp(begins_kP2, ends_kP2, part_kP[..., None])
    return ((pixels_P2 - nearest_kP2).square().sum(dim=-1) + _EPSILON).sqrt()


@torch.no_grad()
def _nearest(points_kT2: torch.Tensor, pixels_P2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return which straight piece is the nearest ``[k, P]``, and where on it, 0 .. 1."""
    at_once = max(1, _NEAREST_VALUES // (points_kT2.shape[1] * len(pixels_P2)))
    pieces, parts = [], []
    x_P, y_P = pixels_P2.unbind(dim=1)
    for some_kT2 in points_kT2.split(at_once):
        x_kt1, y_kt1 = some_kT2[:, :-1, None].unbind(dim=-1)
        along_x_kt1, along_y_kt1 = some_kT2.diff(dim=1)[:, :, None].unbind(dim=-1)
        length_kt1 = (along_x_kt1.square() + along_y_kt1.square()).clamp_min_(_EPSILON)
        to_x_ktP, to_y_ktP = x_P - x_kt1, y_P - y_kt1
        part_ktP = (to_x_ktP * (along_x_kt1 / length_kt1)).addcmul_(to_y_ktP, along_y_kt1 / length_kt1).clamp_(0, 1)
        square_ktP = to_x_ktP.addcmul_(part_ktP, along_x_kt1, value=-1).square_()
        square_ktP += to_y_ktP.addcmul_(part_ktP, along_y_kt1, value=-1).square_()
        piece_kP = square_ktP.argmin(dim=1)
        pieces.append(piece_kP)
        parts.append(part_ktP.gather(1, piece_kP[:, None]).squeeze(1))
    if not pieces:
        none = torch.empty((0, len(pixels_P2)), device=pixels_P2.device)
        return none.long(), none.to(pixels_P2.dtype)
    return torch.cat(pieces), torch.cat(parts)
