"""The order of requests: every image once, bounds kept, and slow hosts hold up nobody else, however many there are."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.fetch import schedule as module
from pipeline.download.fetch.host import START_CONNECTIONS
from pipeline.download.fetch.schedule import HERE, PATIENCE_S, Place, Schedule

HOSTS = ["a", "b", "c", HERE]


def schedule(**options: Any) -> Schedule[Any]:
    return Schedule(**({"num_slots": 8, "num_lane": 16, "max_per_host": 16} | options))


def popped(found: Schedule[Any], now: float) -> list[Place[Any]]:
    places = []
    while (place := found.pop(now)) is not None:
        places.append(place)
    return places


@given(
    st.lists(st.sampled_from(HOSTS), max_size=60), st.integers(1, 5), st.integers(1, 5), st.integers(1, 6),
    st.sampled_from([0.0, 0.5]), st.integers(0, 1 << 30),
)  # fmt: skip
def test_every_image_comes_once_and_all_bounds_hold(
    hosts: list[str], num_slots: int, num_lane: int, most: int, delay_s: float, seed: int
) -> None:
    choose = random.Random(seed)
    found = schedule(num_slots=num_slots, num_lane=num_lane, max_per_host=most, delay_s=delay_s)
    left = list(enumerate(hosts))
    active: list[Place[tuple[int, str]]] = []
    seen: list[int] = []
    now = 0.0
    for _ in range(10_000):
        if left and choose.random() < 0.7:
            number, host = left.pop(0)
            found.put(host, (number, host))
        places = popped(found, now)
        active += places
        seen += [place.task[0] for place in places]
        by_host = Counter(place.task[1] for place in active if place.task[1] != HERE)
        assert max(by_host.values(), default=0) <= most
        assert 0 <= found.in_slots <= num_slots
        assert 0 <= found.in_lane <= num_lane
        assert found.in_slots + found.in_lane == len(active)
        assert 0 <= found.probes_in_slots <= found.in_slots
        for place in active:
            if now - place.started_at >= PATIENCE_S and choose.random() < 0.5:
                found.overdue(place)
        if active and choose.random() < 0.6:
            place = active.pop(choose.randrange(len(active)))
            outcome = choose.choice(["answered", "refused", "lost"])
            found.answered(place, now, outcome, choose.choice([0.0, 5.0]))
            found.done(place)
        if not left and not active and len(seen) == len(hosts):
            break
        now += choose.choice([0.01, 1.0, 7.0])
    assert sorted(seen) == list(range(len(hosts)))


def test_images_come_in_the_order_they_were_put_as_far_as_their_hosts_bear_it() -> None:
    found = schedule(num_slots=100)
    for number in range(12):
        found.put("big" if number < 10 else f"small{number}", number)
    assert [place.task for place in popped(found, 0.0)] == [0, 1, 2, 3, 10, 11]
    assert START_CONNECTIONS == 4


def test_hosts_known_as_quick_go_on_while_any_number_of_slow_ones_wait() -> None:
    """Ten thousand hosts that never answer, one image each, and one that does, mixed; nobody is known at first."""
    found = schedule(num_slots=8, num_lane=16)
    good = 0
    for number in range(10_000):
        found.put(f"slow{number}", number)
        if number % 10 == 0:
            found.put("good", -1)
            good += 1
    now, done = 0.0, 0
    held: list[Place[int]] = []
    for _ in range(3 * good):
        now += 0.1
        for place in popped(found, now):
            if place.task < 0:
                found.answered(place, now + 0.01, "answered")
                found.done(place)
                done += 1
            else:
                held.append(place)
        for place in held:
            if now - place.started_at >= PATIENCE_S:
                found.overdue(place)
    assert done == good
    assert len(held) <= 16 + 8 // 2


def test_a_host_known_as_slow_never_takes_a_slot_and_at_most_half_of_the_lane() -> None:
    found = schedule(num_slots=8, num_lane=16)
    found.put("slow", 0)
    (place,) = popped(found, 0.0)
    assert not place.in_lane
    found.answered(place, 2.0, "answered")
    found.done(place)
    found.host("slow").limit = 16
    for number in range(20):
        found.put("slow", number)
    places = popped(found, 2.0)
    assert [place.in_lane for place in places] == [True] * 8
    assert found.in_slots == 0


def test_what_waits_for_an_answer_gives_its_slot_back_when_the_lane_has_room() -> None:
    found = schedule(num_slots=2, num_lane=1)
    for number in range(4):
        found.put(f"host{number}", number)
    first, second = popped(found, 0.0)
    found.overdue(first)
    found.overdue(second)  # no room: it keeps its slot
    assert (found.in_slots, found.in_lane) == (1, 1)
    assert popped(found, 0.3) == []  # the lane is full: of two slots one is for hosts of which nothing is known
    found.answered(first, 1.0, "answered")
    found.done(first)
    assert (found.in_slots, found.in_lane) == (0, 1)  # the second went over
    found.overdue(second)  # again: nothing
    assert (found.in_slots, found.in_lane) == (0, 1)


def test_retry_after_lets_the_host_wait_and_no_other() -> None:
    found = schedule()
    found.put("busy", 0)
    (place,) = popped(found, 0.0)
    found.put("busy", 1)
    found.put("other", 2)
    found.answered(place, 0.1, "refused", 20.0)
    found.done(place)
    assert [one.task for one in popped(found, 0.2)] == [2]
    assert found.wake_at() == pytest.approx(20.1)
    assert popped(found, 20.0) == []
    assert [one.task for one in popped(found, 20.1)] == [1]


def test_a_rate_and_a_wish_for_fewer() -> None:
    found = schedule(num_slots=20, delay_s=0.5)
    for number in range(3):
        found.put("a", number)
    assert [len(popped(found, now)) for now in (0.0, 0.4, 0.5, 0.9, 1.0)] == [1, 0, 1, 0, 1]
    found.set_delay("b", 2.0)
    found.set_delay("c", 0.1)  # the rate asks for more
    found.set_delay("d", 1e9)
    for name in "bcd":
        for number in range(2):
            found.put(name, number)
    assert len(popped(found, 1.0)) == 3
    assert {place.line.name for place in popped(found, 1.5)} == {"c"}
    assert {place.line.name for place in popped(found, 3.0)} == {"b"}
    assert {place.line.name for place in popped(found, 1.0 + module.MAX_DELAY_S)} == {"d"}


def test_hosts_are_forgotten_but_none_with_images_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_HOSTS", 10)
    found = schedule(num_slots=1, num_lane=1)
    for number in range(50):
        found.put(f"host{number}", number)
    seen = []
    for now in range(50):
        (place,) = popped(found, float(now))
        seen.append(place.task)
        found.answered(place, float(now), "answered")
        found.done(place)
        found.host(f"later{now}")
    assert seen == list(range(50))
    assert len(found._lines) <= 51
