"""What a host bears: more while it answers in time, less when it does not, nothing while it asks to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.fetch.host import MAX_PAUSES, SLOW_S, START_CONNECTIONS, Host, Outcome


def rounds(host: Host, num: int, now: float = 0.0, took_s: float = 0.1, outcome: Outcome = "answered") -> float:
    """Let the host answer as many requests at a time as it bears, `num` times; return the time then."""
    for _ in range(num):
        batch = int(host.limit)
        for _ in range(batch):
            host.start(now)
        for _ in range(batch):
            host.answer(now, now + took_s, outcome)
        now += took_s
    return now


def test_it_begins_with_few_and_doubles_each_round_up_to_the_ceiling() -> None:
    host = Host(ceiling=64)
    found = []
    for _ in range(6):
        found.append(int(host.limit))
        rounds(host, 1)
    assert found == [START_CONNECTIONS, 8, 16, 32, 64, 64]
    assert Host(ceiling=2).limit == 2


@pytest.mark.parametrize("outcome", ["refused", "lost"])
def test_trouble_halves_it_once_for_all_under_way_and_then_it_grows_by_one_a_round(outcome: Outcome) -> None:
    host = Host(ceiling=64)
    now = rounds(host, 4)
    assert host.limit == 64
    now = rounds(host, 1, now, outcome=outcome)
    assert host.limit == 32
    now = rounds(host, 1, now)
    assert 32.9 < host.limit <= 33
    rounds(host, 20, now, outcome=outcome)
    assert host.limit == 1


def test_answers_much_later_than_the_quickest_do_not_let_it_grow() -> None:
    host = Host(ceiling=64)
    now = rounds(host, 1, took_s=SLOW_S)
    now = rounds(host, 5, now, took_s=3 * SLOW_S)
    assert host.limit == 8
    assert host.is_slow
    rounds(host, 20, now, took_s=0.1)
    assert not host.is_slow
    assert host.limit > 8


def test_retry_after_pauses_it_and_not_for_ever() -> None:
    host = Host(ceiling=4)
    now = 0.0
    for pause in range(MAX_PAUSES):
        host.start(now)
        host.answer(now, now, "refused", 30.0)
        assert host.next_at == now + 30, pause
        now = host.next_at
    host.start(now)
    host.answer(now, now, "refused", 30.0)
    assert host.next_at == now
    host.start(now)
    host.answer(now, now + 1, "answered")
    host.start(now + 2)
    host.answer(now + 2, now + 3, "refused", 30.0)
    assert host.next_at == now + 33


def test_requests_under_way_when_it_asks_to_wait_count_as_one_pause() -> None:
    host = Host(ceiling=16)
    for _ in range(4):
        host.start(0.0)
    for _ in range(4):
        host.answer(0.0, 1.0, "refused", 30.0)
    assert (host.pauses, host.next_at, host.limit) == (1, 31.0, 2.0)


def test_a_delay_lies_between_starts() -> None:
    host = Host(ceiling=16, delay_s=0.5)
    starts = []
    now = 0.0
    for _ in range(4):
        now = max(now, host.next_at)
        starts.append(now)
        host.start(now)
    assert starts == [0.0, 0.5, 1.0, 1.5]


@given(
    st.integers(1, 100),
    st.lists(
        st.tuples(
            st.sampled_from(["answered", "refused", "lost"]),
            st.floats(0, 100, allow_nan=False),
            st.floats(0, 30, allow_nan=False),
        ),
        max_size=60,
    ),
)
def test_whatever_it_answers_it_bears_one_at_least_and_never_more_than_the_ceiling(
    ceiling: int, answers: list[tuple[Outcome, float, float]]
) -> None:
    host = Host(ceiling=ceiling)
    now = 0.0
    for outcome, took_s, pause_s in answers:
        host.start(now)
        host.answer(now, now + took_s, outcome, pause_s)
        assert 1 <= host.limit <= ceiling
        assert host.next_at <= now + took_s + 30
        now += took_s
    assert host.active == 0
