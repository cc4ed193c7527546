"""The Resizer of ``--decode fast``: bytes in, resized and encoded bytes out.

    JPEG of one or three colours -> libjpeg at 1, 1/2, 1/4, 1/8 --\\
    all else, damaged ones      -> as --decode exact decodes them --> torch: antialiased bicubic -> encoded

The sizes, crops and borders are those of `exact`, and so is what is an image and what is not.
"""

from typing import Any

import numpy as np
import torch

from pipeline.download.decode.exact import ExactResizer, Pixels
from pipeline.download.decode.fast.scaled_jpeg import scaled_jpeg


class FastResizer(ExactResizer):
    """Decodes, resizes and encodes one image after the other; the same bytes on every machine of one architecture."""

    def __init__(self, *, max_pixels: int, **settings: Any) -> None:
        super().__init__(**settings)
        torch.set_num_threads(1)  # a decode process for each core
        self._max_pixels = max_pixels

    def decode(self, data: bytes) -> tuple[Pixels, int, int, bool] | None:
        """Return what `ExactResizer.decode` does; the pixels of a JPEG may be reduced."""
        if data.startswith(b"\xff\xd8"):
            try:
                pixels, width, height = scaled_jpeg(data, self.target_size, self._max_pixels)
            except ValueError:  # CMYK, damaged: OpenCV's tolerance decides, as in `exact`
                pass
            else:
                return pixels, width, height, True
        return super().decode(data)

    def scale(self, pixels: Pixels, size: tuple[int, int]) -> Pixels:
        """Return the pixels at `size` by a bicubic filter as wide as the reduction (Pillow's BICUBIC, within 2)."""
        height, width = pixels.shape[:2]
        if size == (width, height):
            return pixels
        # an image as torch's channels last, which only these strides are: interpolated and handed back without a copy
        planes = torch.from_numpy(pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis])[None].permute(0, 3, 1, 2)
        scaled = torch.nn.functional.interpolate(planes, (size[1], size[0]), mode="bicubic", antialias=True)
        found = scaled[0].permute(1, 2, 0).contiguous().numpy()
        return found if pixels.ndim == 3 else found[:, :, 0]
