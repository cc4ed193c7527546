"""Whether rounding keeps a gradient from falling further: its size after each step in, the end of the descent out.

Where C N is far below one the tolerance asks for less than a type can tell: the gradient is a difference of terms of
size one, and the descent, there in a few steps, would follow rounding errors until its last iteration.
"""

import math
from dataclasses import dataclass

FLOOR = 16.0
"""Times the type's epsilon: at most so large is what rounding leaves of terms of size one."""
PATIENCE = 10
"""Steps in which the gradient may not fall, once it is that small."""


@dataclass
class Rounding:
    """The descent of one problem."""

    epsilon: float
    """Of the type that is computed in."""
    is_kept: bool = True
    """The last point is the one to keep: the newest, and below the floor that of the least gradient."""
    _least: float = math.inf
    _since: int = 0

    @property
    def is_below(self) -> bool:
        """The gradient has been as small as rounding alone makes it."""
        return self._least <= FLOOR * self.epsilon

    @property
    def is_end(self) -> bool:
        """It is, and falls no longer."""
        return self.is_below and self._since >= PATIENCE

    def tell(self, largest: float) -> None:
        """Take note of the gradient's largest entry, of features scaled to a root mean square of one."""
        self.is_kept = largest < self._least or not self.is_below
        self._since = 0 if self.is_kept else self._since + 1
        self._least = min(self._least, largest)
