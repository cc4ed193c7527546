"""Which frames of a video are looked at: one each so many seconds, and the first after a cut.

time   |0 . . . . |1 . . . . |2 . . .        every_s = 1; frames come when they come (variable rate)
frames  x   x      x x            x
taken   ^          ^              ^          the first of each second that has one
"""

from collections.abc import Callable
from math import floor
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trainer.data.transforms import Pixels

if TYPE_CHECKING:
    import av

CUT_CHANGE = 0.12
"""Mean change of the small picture, of 0 .. 1, from one frame to the next that is a cut."""
SMALL_PX = 16


class Sampler:
    """Says of each frame in turn whether it is taken."""

    def __init__(self, every_s: float, scenes: bool) -> None:
        self._every_s, self._scenes = every_s, scenes
        self._last: int | None = None
        self._before: npt.NDArray[np.int16] | None = None

    def takes(self, time_s: float, small: Callable[[], Pixels]) -> bool:
        """Tell whether a frame at `time_s` is the first in its stretch of `every_s`, or the first after a cut.

        `small`, its picture ``[16, 16, 3]``, is asked for only where cuts are looked for. A time that goes back is in
        no new stretch.
        """
        stretch = floor(time_s / self._every_s)
        is_first = self._last is None or stretch > self._last
        is_cut = self._scenes and self._is_cut(small())
        self._last = stretch if self._last is None else max(self._last, stretch)
        return is_first or is_cut

    def _is_cut(self, small: Pixels) -> bool:
        picture = small.astype(np.int16)
        before, self._before = self._before, picture
        return before is not None and float(np.abs(picture - before).mean()) > CUT_CHANGE * 255


def small_picture(frame: "av.VideoFrame") -> Pixels:
    """Return ``[16, 16, 3]``, each pixel the mean of its part of the frame."""
    small = frame.reformat(SMALL_PX, SMALL_PX, "rgb24", interpolation="AREA")
    return np.asarray(small.to_ndarray(), dtype=np.uint8)
