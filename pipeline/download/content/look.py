"""What is seen of one image on its way through img2dataset's Resizer: its perceptual hash; and its faces are hidden.

The Resizer hands the resized picture to its blurrer before it crops, pads and encodes it. `Look` stands in that place:
no picture is decoded twice for its hash, and the bytes stay those of img2dataset. The blur is img2dataset's own.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.download.content.arguments import NOTHING, Arguments, Box
from pipeline.download.content.phash import perceptual_hash

Pixels = npt.NDArray[np.uint8]


class Look:
    """The state of the image at hand."""

    def __init__(self) -> None:
        self.arguments: Arguments = NOTHING
        self.orientation = 1
        """EXIF's, by which the pixels were turned; the boxes are of the picture before."""
        self.colours: str | None = None
        self.phash: str | None = None
        self._blur: Any = None

    def begin(self, arguments: Arguments) -> None:
        """Forget the image before."""
        self.arguments = arguments
        self.orientation = 1
        self.colours = self.phash = None

    @property
    def boxes(self) -> list[Box]:
        """The boxes to blur, of the picture as it is shown."""
        return [turned_box(box, self.orientation) for box in self.arguments.boxes or ()]

    def __call__(self, img: Pixels, bbox_list: list[Box]) -> Pixels:
        """Return the picture with what the boxes hold blurred; called by the Resizer, by these names."""
        self.phash = perceptual_hash(img)
        if not bbox_list:
            return img
        if self._blur is None:
            from img2dataset.blurrer import BoundingBoxBlurrer

            self._blur = BoundingBoxBlurrer()
        found: Pixels = self._blur(img=img, bbox_list=bbox_list)
        return found


def turned_box(box: Box, orientation: int) -> Box:
    """Return where `box` lies when the picture is turned upright by EXIF's `orientation` (1 .. 8)."""
    left, top, right, bottom = box
    if orientation in (5, 6, 7, 8):  # rows become columns
        left, top, right, bottom = top, left, bottom, right
    if orientation in (2, 3, 6, 7):
        left, right = 1 - right, 1 - left
    if orientation in (3, 4, 7, 8):
        top, bottom = 1 - bottom, 1 - top
    return left, top, right, bottom
