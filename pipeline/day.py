"""The day that is noted with a removal or a recheck: as it was given in, a date out."""

import datetime
import re

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def day_of(text: str) -> datetime.date:
    """Return the day of `text`, today (UTC) when it is empty. Raises ValueError for what is no day."""
    if not text:
        return datetime.datetime.now(datetime.timezone.utc).date()
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"since: {error}, found {text!r}") from None


def check_day(since: str) -> None:
    """Raise ValueError for a `--since` that has not the form of a day; empty is today."""
    if since and not _DAY.fullmatch(since):
        raise ValueError(f"since must be a day as 2026-01-31, found {since!r}")
