"""After which steps notices are looked for: about every 5 s, so that a slow step leaves time to save."""

LOOK_EVERY_S = 5.0
"""A spot instance is given 30 to 120 s; a look makes the workers wait for each other."""


class Looks:
    """The steps of one run; the same on all workers, which learn the time of a step from the row they add up."""

    def __init__(self) -> None:
        self._every = 1
        """Steps; each until the time of one is known, as a step of a large batch may take minutes."""

    def learn(self, step_s: float) -> None:
        """Take `step_s`, seconds that a step took lately, mean of the workers."""
        self._every = max(1, int(LOOK_EVERY_S / step_s))

    def is_due(self, step: int) -> bool:
        """Tell whether to look after `step`, besides the end of each row of metrics."""
        return step % self._every == 0
