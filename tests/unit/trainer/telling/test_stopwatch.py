"""Speed and waiting of the steps, by a clock that is set."""

import pytest

from trainer.telling import stopwatch as module
from trainer.telling.stopwatch import Stopwatch


def test_speed_and_share_of_waiting_are_those_since_the_last_lap(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    watch = Stopwatch()
    for waited, worked in ((1.0, 3.0), (2.0, 2.0)):
        with watch.waiting():
            now[0] += waited
        now[0] += worked
        watch.steps += 1
    lap = watch.lap()
    assert (lap.seconds, lap.steps_per_s, lap.wait_share, watch.total_s) == (8.0, 0.25, 0.375, 8.0)
    now[0] += 7.0
    watch.leave_out(5.0)
    watch.steps += 1
    lap = watch.lap()
    assert (lap.steps_per_s, lap.wait_share, watch.total_s) == (0.5, 0.0, 10.0)


def test_no_time_at_all_divides_by_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.time, "monotonic", lambda: 5.0)
    watch = Stopwatch()
    lap = watch.lap()
    assert (lap.steps_per_s, lap.wait_share) == (0.0, 0.0)
    assert watch.total_s > 0
