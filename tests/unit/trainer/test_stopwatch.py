"""Speed and waiting of the steps, by a clock that is set."""

import pytest

from trainer import stopwatch as module
from trainer.stopwatch import Stopwatch


def test_speed_and_share_of_waiting_are_those_since_the_last_lap(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    watch = Stopwatch()
    for waited, worked in ((1.0, 3.0), (2.0, 2.0)):
        watch.wait()
        now[0] += waited
        watch.go_on()
        now[0] += worked
        watch.steps += 1
    assert (watch.steps_per_s, watch.wait_share, watch.total_s) == (0.25, 0.375, 8.0)
    watch.lap()
    now[0] += 2.0
    watch.steps += 1
    assert (watch.steps_per_s, watch.wait_share, watch.total_s) == (0.5, 0.0, 10.0)


def test_no_time_at_all_divides_by_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.time, "monotonic", lambda: 5.0)
    watch = Stopwatch()
    assert (watch.steps_per_s, watch.wait_share) == (0.0, 0.0)
    assert watch.total_s > 0
