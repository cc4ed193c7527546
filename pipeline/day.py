"""The day that is noted with a removal or a recheck: as it was given in, a date out."""

import datetime


def day_of(text: str) -> datetime.date:
    """Return the day of `text`, today (UTC) when it is empty. Raises ValueError for what is no day."""
    if not text:
        return datetime.datetime.now(datetime.timezone.utc).date()
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"since: {error}, found {text!r}") from None
