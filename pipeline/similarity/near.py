"""Near-duplicates in one cluster: its rows in order of preference in, who is like an earlier one out.

A row goes when an earlier one has a cosine with it of the threshold or more, whether that one stays or not (SemDeDup,
arXiv 2303.09540, section 3). So what goes depends on pairs alone, and what several clusters find is put together.

Shapes: N rows of a cluster, T of a tile, E embedding.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.similarity.cosine import Doubles, Ints, at_least, cosines, features

TILE_ROWS = 1_024
"""Compared at a time: 4 MiB of cosines."""


@dataclass(frozen=True)
class Duplicates:
    """Places of rows in their order, and for each the first one before it that is like it."""

    removed: Ints
    kept: Ints
    cosines: Doubles


def near_duplicates(half_NE: npt.NDArray[Any], order_N: Ints, threshold: float) -> Duplicates:
    """Compare the rows of `half_NE` (float16, perhaps mapped from a file) in `order_N`, the most wanted first.

    Memory: two tiles and their products. Time: pairs, but of rows that are found already no more: a cluster of a
    million copies is read once.
    """
    first_N = np.full(len(order_N), -1, dtype=np.int64)
    cosine_N = np.zeros(len(order_N))
    for begin in range(0, len(order_N), TILE_ROWS):
        open_T = np.arange(begin, min(len(order_N), begin + TILE_ROWS))
        for other in range(0, begin + 1, TILE_ROWS):
            open_T = _look(half_NE, order_N, open_T, other, threshold, first_N, cosine_N)
            if not len(open_T):
                break
    removed = np.flatnonzero(first_N >= 0)
    return Duplicates(removed, first_N[removed], cosine_N[removed])


def _look(
    half_NE: npt.NDArray[Any], order_N: Ints, open_T: Ints, other: int, threshold: float, first_N: Ints,
    cosine_N: Doubles,
) -> Ints:  # fmt: skip
    """Compare the places `open_T` with a tile of places from `other` on; note the first like each; return the rest."""
    others_T = np.arange(other, min(other + TILE_ROWS, int(open_T[-1]) + 1))
    left, right = features(half_NE[order_N[open_T]]), features(half_NE[order_N[others_T]])
    like_TT = at_least(left, right, threshold) & (others_T[None, :] < open_T[:, None])
    is_found_T = like_TT.any(axis=1)
    rows = np.flatnonzero(is_found_T)
    firsts = like_TT[rows].argmax(axis=1)
    first_N[open_T[rows]] = others_T[firsts]
    cosine_N[open_T[rows]] = cosines(left, rows, right, firsts)
    return open_T[~is_found_T]
