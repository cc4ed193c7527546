"""What is drawn anew each time an image is trained on: a part of it, and whether it is mirrored (OWL-ViT, A1.3).

Shapes: N boxes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_LEAST_SEEN = 0.3
"""Part of an object that has to be inside; less of it is no object any more."""
_TRIES = 8


@dataclass(frozen=True)
class Drawn:
    """Of an image: left, top, right, bottom of the part that is shown, in whole pixels; whether it is mirrored."""

    part: tuple[int, int, int, int]
    is_mirrored: bool


def draw_view(rng: np.random.Generator, width: int, height: int, least_part: float, *, mirrors: bool) -> Drawn:
    """Return a part with at least `least_part` of the image's area, of a shape up to 4:3 wider or higher than it."""
    is_mirrored = bool(rng.random() < 0.5) and mirrors
    for _ in range(_TRIES):
        share = rng.uniform(least_part, 1.0)
        stretch = np.exp(rng.uniform(-0.15, 0.15))
        new_width, new_height = round(width * share**0.5 * stretch), round(height * share**0.5 / stretch)
        if (
            0 < new_width <= width
            and 0 < new_height <= height
            and new_width * new_height >= least_part * width * height
        ):
            left, top = int(rng.integers(0, width - new_width + 1)), int(rng.integers(0, height - new_height + 1))
            return Drawn((left, top, left + new_width, top + new_height), is_mirrored)
    return Drawn((0, 0, width, height), is_mirrored)


def is_seen(boxes_N4: npt.NDArray[np.float64], part: tuple[int, int, int, int]) -> npt.NDArray[np.bool_]:
    """Return ``[N]``: whether enough of each box, by corners, lies in the part."""
    first, last = np.array(part[:2]), np.array(part[2:])
    seen_N2 = np.minimum(boxes_N4[:, 2:], last) - np.maximum(boxes_N4[:, :2], first)
    whole_N2 = boxes_N4[:, 2:] - boxes_N4[:, :2]
    seen_N = seen_N2.clip(min=0).prod(axis=1)
    return (seen_N > 0) & (seen_N >= _LEAST_SEEN * whole_N2.prod(axis=1))


def mirrored(boxes_N4: npt.NDArray[np.float64], width: float) -> npt.NDArray[np.float64]:
    """Return boxes by corners of the same in an image of `width`, mirrored left to right."""
    return np.stack([width - boxes_N4[:, 2], boxes_N4[:, 1], width - boxes_N4[:, 0], boxes_N4[:, 3]], axis=1)
