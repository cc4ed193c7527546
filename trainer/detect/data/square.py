"""An image's bytes to the square that a detector sees: the long side fits, grey below or to the right of the rest.

+-------+        P is the square's side. Boxes are parts of it, so one number scales both axes.
| image |
+-------+
| grey  |
+-------+
"""

import numpy as np
import numpy.typing as npt

from trainer.data.decode.image import Pixels
from trainer.data.decode.resample import resample

GREY = 128
"""The middle of a pixel's range (OWL-ViT pads with 0.5)."""


def square(rgb: Pixels, image_px: int, part: tuple[int, int, int, int] | None = None) -> tuple[Pixels, float]:
    """Return (uint8 ``[3, P, P]``, how many pixels of `rgb` are as long as the square's side).

    `rgb` is ``[height, width, 3]``; `part` of it is shown, (left, top, right, bottom) in whole pixels, by default all.
    """
    left, top, right, bottom = part or (0, 0, rgb.shape[1], rgb.shape[0])
    width, height = right - left, bottom - top
    side = max(width, height)
    new_width, new_height = (max(1, round(length * image_px / side)) for length in (width, height))
    source = np.ascontiguousarray(rgb).reshape(-1)
    source.flags.writeable = False  # one type, so the kernel is compiled once
    stride = 3 * rgb.shape[1]
    resized = np.empty((3, new_height, new_width), dtype=np.uint8)
    resample(source, top * stride + 3 * left, stride, height, width, new_height, new_width, 0, 0, resized)
    out = np.full((3, image_px, image_px), GREY, dtype=np.uint8)
    out[:, :new_height, :new_width] = resized
    return out, float(side)


def parts_of_square(
    boxes_N4: npt.NDArray[np.float64], part: tuple[int, int, int, int], side: float
) -> npt.NDArray[np.float64]:
    """Return boxes by corners, in an image's pixels, as parts of the square that shows `part`, cut at its edges."""
    left, top, right, bottom = part
    moved_N4 = boxes_N4 - np.array([left, top, left, top])
    return np.clip(moved_N4, 0, np.array([right - left, bottom - top] * 2)) / side
