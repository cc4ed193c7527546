"""Waiting for what another process or thread has to do: by progress, never by the clock.

Nothing here measures. The limit is only there so that a test of something that never happens ends.
"""

import time
from collections.abc import Callable

PATIENCE_S = 1800.0
"""How long anything may take before it counts as never: no machine is so slow. Also the `timeout` of subprocesses."""

LOOK_EVERY_S = 0.01


def wait_until(condition: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Return as soon as `condition` holds. Raises AssertionError with `what` when it never does."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"in {patience_s:.0f} s this did not come: {what}"
        time.sleep(LOOK_EVERY_S)
