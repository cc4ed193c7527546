"""How often each group's images get some labels, with and without others to choose: numbers in, rates out.

Shapes: N images, L labels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE_Z = 1.959963984540054
"""Standard deviations of a normal distribution that 95 % lie within."""


@dataclass(frozen=True)
class Rate:
    """A share of images with its interval of 95 % (Wilson 1927), for no image the whole of 0 to 1."""

    count: int
    images: int
    rate: float
    low: float
    high: float


def rate_of(count: int, images: int) -> Rate:
    """Return the rate of `count` among `images`, with Wilson's score interval."""
    if not images:
        return Rate(0, 0, 0.0, 0.0, 1.0)
    share, square = count / images, CONFIDENCE_Z**2 / images
    middle = (share + square / 2) / (1 + square)
    width = CONFIDENCE_Z * math.sqrt(share * (1 - share) / images + square / (4 * images)) / (1 + square)
    low, high = max(0.0, middle - width), min(1.0, middle + width)
    return Rate(count, images, share, 0.0 if count == 0 else low, 1.0 if count == images else high)


@dataclass(frozen=True)
class GroupRates:
    """What a group's images are called."""

    group: str
    watched_without: Rate
    """Called a watched label where the added labels are not to be had."""
    watched_with: Rate
    """Called a watched label where they are."""
    added: Rate
    """Called an added label: these images alone are called otherwise than without."""


def group_rates(
    scores_NL: np.ndarray, groups: Sequence[str], is_watched_L: np.ndarray, is_added_L: np.ndarray
) -> list[GroupRates]:
    """Return the rates by group, sorted by its name; an image is called by the highest score, the first of equals.

    Raises ValueError where all labels are added ones: nothing is left to choose without them.
    """
    if is_added_L.all():
        raise ValueError("expected a label that is not among the added")
    without_N = np.where(is_added_L, -np.inf, scores_NL).argmax(axis=1)
    with_N = scores_NL.argmax(axis=1)
    of_N = np.array(groups)
    found = []
    for group in sorted(set(groups)):
        own = of_N == group
        counted = (is_watched_L[without_N], is_watched_L[with_N], is_added_L[with_N])
        found.append(GroupRates(group, *(rate_of(int(hits[own].sum()), int(own.sum())) for hits in counted)))
    return found
