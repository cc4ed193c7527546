import json
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querygen.wiki.live.polite import BUSY_STATUS, Busy, WikiError, judge, retry_after_s

URL = "https://birds.example/w/api.php"
NOW = datetime(2026, 4, 1, 12, 0, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("5", 5.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("-3", None),
        ("1.5", None),
        pytest.param("٣", None, id="Arabic digit"),
        ("soon", None),
        ("", None),
        pytest.param("9" * 400, 999_999_999_999.0, id="400 digits"),
        ("Wed, 01 Apr 2026 12:01:30 GMT", 90.0),
        ("Wed, 01 Apr 2026 14:01:30 +0200", 90.0),
        ("Wed, 01 Apr 2026 12:01:30 -0000", 90.0),
        ("Wed, 01 Apr 2026 11:00:00 GMT", 0.0),
        ("Wed, 99 Apr 2026 11:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, expected: float | None) -> None:
    assert retry_after_s(header, NOW) == expected


@given(st.integers(0, 10**6))
def test_a_date_says_what_its_seconds_say(seconds: int) -> None:
    moment = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_s(moment, NOW) == retry_after_s(str(seconds), NOW) == seconds


@given(st.text(max_size=60))
def test_any_header_is_a_pause_or_none(header: str) -> None:
    pause = retry_after_s(header, NOW)
    assert pause is None or pause >= 0


@pytest.mark.parametrize("status", sorted(BUSY_STATUS))
def test_busy_wiki_is_asked_again_when_it_says(status: int) -> None:
    assert judge(status, {"retry-after": "7"}, b"", URL, NOW) == Busy(what=f"HTTP status {status}", retry_after_s=7.0)
    assert judge(status, {}, b"{}", URL, NOW) == Busy(what=f"HTTP status {status}")


@pytest.mark.parametrize(
    ("code", "again"), [("maxlag", True), ("ratelimited", True), ("readonly", True), ("badtitle", False), (None, False)]
)
def test_errors_within_an_answer(code: str | None, again: bool) -> None:
    body = json.dumps({"error": {"code": code, "info": "Waiting for\n10.64.16.7: 6 seconds lagged."}}).encode()
    if again:
        outcome = judge(200, {"retry-after": "5"}, body, URL, NOW)
        assert outcome == Busy(what=f"{code} (Waiting for 10.64.16.7: 6 seconds lagged.)", retry_after_s=5.0)
    else:
        with pytest.raises(WikiError, match=f"{URL}: the API answers {code}: Waiting for 10.64"):
            judge(200, {}, body, URL, NOW)


def test_error_that_is_no_object_is_an_error_too() -> None:
    with pytest.raises(WikiError, match="the API answers error: no"):
        judge(200, {}, b'{"error": "no"}', URL, NOW)


def test_deep_nesting_is_no_crash() -> None:
    assert isinstance(judge(200, {}, b'{"a":' * 200_000, URL, NOW), Busy)


@given(
    st.integers(100, 599),
    st.one_of(st.binary(max_size=50), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps)),
)
def test_any_answer_is_taken_or_refused(status: int, body: Any) -> None:
    raw = body.encode() if isinstance(body, str) else body
    outcome: dict[str, Any] | Busy | str
    try:
        outcome = judge(status, {}, raw, URL, NOW)
    except WikiError as error:
        outcome = str(error)
    if isinstance(outcome, str):
        assert outcome.startswith(URL)
        assert "\n" not in outcome
    else:
        assert status == 200 or isinstance(outcome, Busy)
