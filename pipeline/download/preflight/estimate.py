"""What a sample says of the whole: counts in, rates with their uncertainty out."""

import math
from collections.abc import Sequence

Z_95 = 1.959964
"""Standard deviations around the mean that hold 95 % of a normal distribution."""


def wilson_interval(successes: int, num: int, z: float = Z_95) -> tuple[float, float]:
    """Return the interval of the true share (Wilson, 1927): holds also near 0 and 1, and for few. (0, 1) of none."""
    if num == 0:
        return 0.0, 1.0
    share = successes / num
    middle = share + z * z / (2 * num)
    half = z * math.sqrt(share * (1 - share) / num + z * z / (4 * num * num))
    scale = 1 + z * z / num
    low = 0.0 if successes == 0 else (middle - half) / scale
    high = 1.0 if successes == num else (middle + half) / scale
    return low, high


def steady_rate(done_s: Sequence[float], share: float = 0.9) -> float:
    """Return images/s while most were under way: `share` of them over the time until then, in a full run's middle.

    The last ones of a small sample wait for the slowest servers alone; a whole run has others meanwhile.
    """
    if not done_s:
        return 0.0
    ordered = sorted(done_s)
    place = max(1, math.ceil(share * len(ordered)))
    return place / max(ordered[place - 1], 1e-9)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of `values` lie, 0 of none."""
    if not values:
        return 0.0
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
