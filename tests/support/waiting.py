"""Waiting for what another process or thread has to do: by progress, never by the clock.

Nothing here measures. The limit is only there so that a test of something that never happens ends.
"""

import time
from collections.abc import Callable

PATIENCE_S = 1800.0
"""How long anything may take before it counts as never: no machine is so slow. Also the `timeout` of subprocesses."""

LOOK_EVERY_S = 0.01

PATIENT_RAY = {
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": f"{PATIENCE_S:.0f}",
    "RAY_worker_register_timeout_seconds": f"{PATIENCE_S:.0f}",
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": f"{PATIENCE_S:.0f}",
    "RAY_health_check_failure_threshold": "1000",
}
"""Environment in which Ray does not give up on its own processes: it waits a minute for each, and importing torch can
take longer."""


def wait_until(condition: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Return as soon as `condition` holds. Raises AssertionError with `what` when it never does."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"in {patience_s:.0f} s this did not come: {what}"
        time.sleep(LOOK_EVERY_S)
