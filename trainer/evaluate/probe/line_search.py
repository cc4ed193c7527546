"""How far to go along a direction in which a convex function falls: slopes at tried steps in, the next step out.

The slope of a convex function only rises, so a step is found between two slopes of other signs without its values,
which in float32 are too coarse near the end.
"""

import math
from dataclasses import dataclass, field

RISE, FALL = 0.5, 0.9
"""A step is taken whose slope is at most this part of the first one's size, uphill or still downhill."""
MAX_GROWTH = 4.0
"""From one trial to the next, while the function still falls."""
MAX_TRIALS = 25


@dataclass
class LineSearch:
    """The search of one problem; `step` is to be tried next, and was taken when the search `is_done`."""

    first_slope: float
    """At step 0; where it is not below 0 nothing can be gained, and the step is 0."""
    step: float = 1.0
    is_done: bool = False
    _trials: int = 0
    _low: tuple[float, float] = field(init=False)
    """The largest step tried with a slope below 0, and that slope."""
    _high: tuple[float, float] | None = None
    """The smallest step tried with a slope above 0, and that slope."""

    def __post_init__(self) -> None:
        self._low = (0.0, self.first_slope)
        if not self.first_slope < 0:
            self.step, self.is_done = 0.0, True

    def tell(self, slope: float) -> None:
        """Take note of the slope at `step`, and choose the next step unless this one is good."""
        if self.is_done:
            return
        self._trials += 1
        is_good = FALL * self.first_slope <= slope <= -RISE * self.first_slope
        if is_good or self._trials > MAX_TRIALS:
            self.is_done = True
            return
        if slope < 0:
            self._low = (self.step, slope)
        else:
            self._high = (self.step, slope)
        self.step = self._low[0] if self._trials == MAX_TRIALS else self._next()  # the function has fallen there

    def _next(self) -> float:
        """Return where the line through both slopes is 0, kept off the ends; without a rise a larger step."""
        low, slope_low = self._low
        if self._high is None:
            return MAX_GROWTH * self.step
        high, slope_high = self._high
        share = slope_low / (slope_low - slope_high) if math.isfinite(slope_high) else 0.1
        return low + min(0.9, max(0.1, share)) * (high - low)
