"""A JPEG decoded by libjpeg-turbo at the smallest scale that still has enough pixels.

In: a JPEG, the size wanted. Out: pixels of the whole at 1, 1/2, 1/4 or 1/8. These scales alone have compiled inverse
transforms (4 x 4, 2 x 2, 1 x 1): libjpeg's 3/8, 5/8, 6/8 and 7/8 take longer than what they save.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import simplejpeg

HEADROOM = 1.75
"""Pixels decoded a pixel wanted, a side, at least. Of photographs of 224 px with all their detail reduced 2, 2.8 and
3.5 times the half scale gives 36.8, 40.2 and 43.6 dB to a reduction of the whole (worst 31.9, 35.1, 38.6)."""

MAX_REDUCTION = 8


def scaled_jpeg(
    data: bytes, target: Callable[[int, int], tuple[int, int] | None], max_pixels: int
) -> tuple[npt.NDArray[np.uint8], int, int]:
    """Return the pixels (height x width x 3, BGR, or height x width for grey), the width and height of the whole.

    `target` gives the (width, height) wanted of those of the whole, None for the whole itself. Raises ValueError for
    what is no JPEG of one or three colours, is damaged, or larger than `max_pixels`.
    """
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    except KeyError as error:  # simplejpeg 1.9 knows no name for 4:4:1
        raise ValueError(f"expected a subsampling that simplejpeg names, found number {error}") from None
    if width * height > max_pixels:
        raise ValueError(f"expected at most {max_pixels} pixels, found {width} x {height}")
    if colours not in ("YCbCr", "RGB", "Gray"):
        raise ValueError(f"expected one or three colours, found {colours!r}")
    wanted = target(width, height)
    reduction = 1 if wanted is None else reduction_for((width, height), wanted)
    pixels = simplejpeg.decode_jpeg(
        data,
        "GRAY" if colours == "Gray" else "BGR",
        min_height=-(-height // reduction),
        min_width=-(-width // reduction),
        min_factor=reduction,
    )
    return (pixels[:, :, 0] if colours == "Gray" else pixels), width, height


def reduction_for(size: tuple[int, int], target: tuple[int, int]) -> int:
    """Return 1, 2, 4 or 8: by how much a JPEG of `size` may be reduced while it is decoded."""
    reduction = 1
    while reduction < MAX_REDUCTION and all(
        side >= 2 * reduction * HEADROOM * wanted for side, wanted in zip(size, target, strict=True)
    ):
        reduction *= 2
    return reduction
