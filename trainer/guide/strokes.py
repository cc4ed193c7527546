"""What a drawing is made of: cubic Bezier curves with a width, a colour and an opacity, the later ones on top.

Shapes: K strokes, T points on each. Lengths are in sides of the drawing: the top left corner is 0 0, the other 1 1.
"""

from dataclasses import dataclass

import torch

NUM_CONTROLS = 4
"""Points of a cubic Bezier curve: its ends, and two that it bends to."""
_REACH = 0.1
"""From one control point to the next, at most so far along each axis (CLIPDraw)."""
LEAST_WIDTH, MOST_WIDTH = 1 / 224, 50 / 224
"""CLIPDraw: 1 to 50 pixels of 224."""
_FIRST_WIDTH = 5 / 224


@dataclass(frozen=True, eq=False)
class Strokes:
    """Curves in the order in which they are drawn."""

    points_K42: torch.Tensor
    """Control points: column, row."""
    widths_K: torch.Tensor
    colours_K4: torch.Tensor
    """Red, green, blue, opacity; 0 .. 1."""

    def parameters(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return self.points_K42, self.widths_K, self.colours_K4

    def detached(self) -> "Strokes":
        """Return a copy that takes no gradient, on the CPU."""
        return Strokes(*(parameter.detach().cpu().clone() for parameter in self.parameters()))

    @torch.no_grad()
    def keep_in_range(self) -> None:
        """Bring widths and colours back where they may be; points may leave the drawing."""
        self.widths_K.clamp_(LEAST_WIDTH, MOST_WIDTH)
        self.colours_K4.clamp_(0, 1)


def first_strokes(num: int, generator: torch.Generator, device: torch.device) -> Strokes:
    """Return random strokes that take gradients: short ones, anywhere, of any colour."""
    begins_K12 = torch.rand((num, 1, 2), generator=generator)
    steps_K32 = _REACH * (2 * torch.rand((num, NUM_CONTROLS - 1, 2), generator=generator) - 1)
    points_K42 = torch.cat([begins_K12, begins_K12 + steps_K32.cumsum(dim=1)], dim=1)
    colours_K4 = torch.rand((num, 4), generator=generator)
    widths_K = torch.full((num,), _FIRST_WIDTH)
    return Strokes(*(part.to(device).requires_grad_() for part in (points_K42, widths_K, colours_K4)))


def points_on_curves(points_K42: torch.Tensor, num: int) -> torch.Tensor:
    """Return ``[K, num, 2]``: points at even steps of the curves' parameter, the ends among them."""
    t_T1 = torch.linspace(0, 1, num, dtype=points_K42.dtype, device=points_K42.device)[:, None]
    weights_T4 = torch.cat([(1 - t_T1) ** 3, 3 * t_T1 * (1 - t_T1) ** 2, 3 * t_T1**2 * (1 - t_T1), t_T1**3], dim=1)
    return weights_T4 @ points_K42
