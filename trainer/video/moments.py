"""Scores of frames in, the best moments out: of frames that are near in time the best alone.

Shapes: N frames of all videos.
"""

from math import ceil
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Moment(NamedTuple):
    """A frame that was found."""

    query: int
    rank: int
    """From 1 on, of its query."""
    path: str
    row: int
    """Of the video's features."""
    score: float
    """Cosine."""


def best_moments(
    scores_N: npt.NDArray[np.floating],
    times_N: npt.NDArray[np.float64],
    videos_N: npt.NDArray[np.int64],
    *,
    num: int,
    apart_s: float,
) -> list[int]:
    """Return up to `num` rows, best first, of equal scores the first row.

    Rows of one video are at least `apart_s` apart: non-maximum suppression in time. num x N steps.
    """
    left = np.array(scores_N, dtype=np.float64)
    found: list[int] = []
    while len(found) < min(num, len(left)):
        best = int(left.argmax())
        if left[best] == -np.inf:
            break
        found.append(best)
        left[(videos_N == videos_N[best]) & (np.abs(times_N - times_N[best]) < apart_s)] = -np.inf
        left[best] = -np.inf
    return found


def clock(time_s: float) -> str:
    """Return h:mm:ss.mmm, rounded up: a player that goes there shows the frame, not the one before."""
    milliseconds = ceil(max(0.0, time_s) * 1_000 - 1e-6)
    seconds, milliseconds = divmod(milliseconds, 1_000)
    return f"{seconds // 3_600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{milliseconds:03}"
