"""When to ask again, and after how long."""

import hashlib
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

BASE_DELAY_S = 0.5
MAX_DELAY_S = 30.0
"""A server that asks for more with Retry-After is asked again after this, once, and then given up."""

HEALING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


def may_heal(status: int) -> bool:
    """Tell whether an HTTP status may be another one later: 408, 425, 429 and 5xx."""
    return status in HEALING_STATUSES or 500 <= status < 600


def retry_after_s(value: str | None, now: datetime) -> float:
    """Return the wait in seconds a Retry-After header asks for (RFC 9110, 10.2.3), 0 when absent or malformed."""
    if value is None:
        return 0.0
    if value.isascii() and value.strip().isdigit():
        return min(float(value.strip()[:9]), MAX_DELAY_S)
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return min(max(0.0, (when - now).total_seconds()), MAX_DELAY_S)


def backoff_s(key: str, attempt: int, asked_s: float = 0.0) -> float:
    """Return the wait before attempt number `attempt` (1 = first repeat): exponential, with stable jitter.

    The jitter (factor 0.5 to 1.5) comes from a hash of the image's key and the attempt, so it needs no random state.
    """
    digest = hashlib.blake2b(f"{key} {attempt}".encode(), digest_size=8).digest()
    jitter = 0.5 + int.from_bytes(digest, "little") / 2**64
    return float(max(min(BASE_DELAY_S * 2 ** (attempt - 1) * jitter, MAX_DELAY_S), asked_s))
