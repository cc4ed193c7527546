"""Notices are looked for about every five seconds of steps."""

from trainer.workers.looks import LOOK_EVERY_S, Looks


def due(looks: Looks) -> list[int]:
    return [step for step in range(1, 31) if looks.is_due(step)]


def test_each_step_until_the_time_of_one_is_known() -> None:
    assert due(Looks()) == list(range(1, 31))


def test_as_many_steps_as_go_into_the_time() -> None:
    looks = Looks()
    looks.learn(LOOK_EVERY_S / 10)
    assert due(looks) == [10, 20, 30]
    looks.learn(LOOK_EVERY_S / 2.5)
    assert due(looks) == list(range(2, 31, 2))


def test_steps_of_minutes_are_looked_at_each() -> None:
    looks = Looks()
    looks.learn(0.001)
    assert due(looks) == []
    looks.learn(180.0)
    assert due(looks) == list(range(1, 31))
