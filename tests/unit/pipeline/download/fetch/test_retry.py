"""When to ask again."""

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.fetch.retry import BASE_DELAY_S, MAX_DELAY_S, backoff_s, may_heal, retry_after_s

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("value", "expected_s"),
    [
        (None, 0.0),
        ("3", 3.0),
        (" 3 ", 3.0),
        ("99999999999999999999", MAX_DELAY_S),
        ("Thu, 01 Jan 2026 12:00:07 GMT", 7.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("Thu, 01 Jan 2099 11:00:00 GMT", MAX_DELAY_S),
        ("soon", 0.0),
        ("-1", 0.0),
        ("", 0.0),
    ],
)
def test_retry_after(value: str | None, expected_s: float) -> None:
    assert retry_after_s(value, NOW) == expected_s


@given(st.text(max_size=30))
def test_retry_after_takes_any_text(value: str) -> None:
    assert 0 <= retry_after_s(value, NOW) <= MAX_DELAY_S


@given(st.text(max_size=8), st.integers(1, 20), st.floats(0, MAX_DELAY_S))
def test_backoff_is_stable_bounded_and_not_shorter_than_asked(key: str, attempt: int, asked_s: float) -> None:
    found = backoff_s(key, attempt, asked_s)
    assert found == backoff_s(key, attempt, asked_s)
    assert max(asked_s, min(MAX_DELAY_S, BASE_DELAY_S / 2 * 2 ** (attempt - 1))) <= found <= MAX_DELAY_S


def test_jitter_differs_between_images() -> None:
    assert len({backoff_s(str(number), 1) for number in range(20)}) == 20


def test_which_statuses_may_heal() -> None:
    assert [status for status in (200, 401, 403, 404, 408, 410, 425, 429, 451, 500, 503, 599) if may_heal(status)] == [
        408, 425, 429, 500, 503, 599,
    ]  # fmt: skip
