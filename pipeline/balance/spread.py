"""Distributions: what a report keeps of many values, and how those of units are joined. Pure.

In: an array of integers. Out: its count, sum, smallest and largest, for a unit's JSON and for the manifest.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What a distribution keeps of the values it saw; all 0 when there were none."""

    count: int = 0
    sum: int = 0
    min: int = 0
    max: int = 0

    def as_json(self) -> dict[str, int]:
        """Return the form in reports."""
        return asdict(self)


def spread_of(values: npt.NDArray[np.integer]) -> Spread:
    """Return the spread of whole numbers."""
    if len(values) == 0:
        return Spread()
    return Spread(count=len(values), sum=int(values.sum()), min=int(values.min()), max=int(values.max()))


def joined(spreads: Iterable[Spread]) -> Spread:
    """Return the spread of all values together."""
    found = [spread for spread in spreads if spread.count]
    if not found:
        return Spread()
    return Spread(
        count=sum(spread.count for spread in found),
        sum=sum(spread.sum for spread in found),
        min=min(spread.min for spread in found),
        max=max(spread.max for spread in found),
    )
