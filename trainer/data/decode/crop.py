"""Where a square is cut of an image that is resized: numbers that a loader process can hand over."""

from typing import NamedTuple


class Crop(NamedTuple):
    """A part of an image, the size that it is resized to, and where of that the square begins; all in pixels."""

    top: int
    left: int
    height: int
    width: int
    """The part of the image that is used."""
    new_height: int
    new_width: int
    square_top: int = 0
    square_left: int = 0
