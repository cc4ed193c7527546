"""A day as it is given."""

import datetime

import pytest

from pipeline.day import day_of


def test_a_day_is_read_and_another_text_is_named() -> None:
    assert day_of("2026-01-31") == datetime.date(2026, 1, 31)
    with pytest.raises(ValueError, match=r"since: .*found '2026-02-31'"):
        day_of("2026-02-31")
