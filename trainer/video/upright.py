"""A decoded frame in, its pixels out as a player shows them: square pixels, turned and mirrored, on white.

A container tells how to turn its frames by a display matrix: p' = a p + c q, q' = b p + d q for a pixel's column p and
row q, as signed 16.16 numbers a, b, (u,) c, d, (v, ...).
"""

import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.data.transforms import Pixels

if TYPE_CHECKING:
    import av

_MATRIX = struct.Struct("=9i")
_WHITE = 255


def upright(frame: "av.VideoFrame", pixel_shape: Fraction = Fraction(1)) -> Pixels:
    """Return ``[height, width, 3]``. `pixel_shape` is the width of a pixel by its height."""
    width = max(1, round(frame.width * pixel_shape))
    if any(component.is_alpha for component in frame.format.components):
        pixels = _on_white(np.asarray(frame.reformat(width=width, format="rgba").to_ndarray(), dtype=np.uint8))
    else:
        pixels = np.asarray(frame.reformat(width=width, format="rgb24").to_ndarray(), dtype=np.uint8)
    return turned(pixels, display_matrix(frame))


def display_matrix(frame: "av.VideoFrame") -> tuple[int, int, int, int]:
    """Return a, b, c, d of the frame's display matrix; those of a frame that is not turned where it has none."""
    side_data: Any = frame.side_data  # PyAV's stubs have another type
    data = side_data.get("DISPLAYMATRIX")
    found = b"" if data is None else bytes(data)
    if len(found) != _MATRIX.size:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = _MATRIX.unpack(found)
    return a, b, c, d


def turned(pixels: Pixels, matrix: tuple[int, int, int, int]) -> Pixels:
    """Return the pixels as the display matrix says: by quarter turns and mirrors, the nearest to any other."""
    a, b, c, d = matrix
    if abs(a) + abs(d) >= abs(b) + abs(c):
        mirrors_columns, mirrors_rows = a < 0, d < 0
    else:
        pixels, mirrors_columns, mirrors_rows = pixels.transpose(1, 0, 2), c < 0, b < 0
    if mirrors_columns:
        pixels = pixels[:, ::-1]
    if mirrors_rows:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _on_white(rgba: Pixels) -> Pixels:
    rgb, alpha = rgba[..., :3].astype(np.uint16), rgba[..., 3:].astype(np.uint16)
    return ((rgb * alpha + _WHITE * (_WHITE - alpha) + _WHITE // 2) // _WHITE).astype(np.uint8)
