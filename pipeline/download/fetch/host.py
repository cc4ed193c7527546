"""One host as its answers show it: how many requests it bears at a time, when the next may start, whether it is slow.

    answer                                  requests at a time
    in time                                 + 1 (at first: doubles each round), then + 1 a round, up to the ceiling
    much later than its quickest            as many as before
    429, 503, no answer, no connection      half as many, once for all requests that were under way
    429 or 503 with Retry-After             and none before that time

A host is the name in the URL: sub-domains are hosts of their own, whether or not one address or one owner serves them
all. What is known is of one worker process; others ask the same host without knowing of these.
"""

from dataclasses import dataclass
from typing import Literal

START_CONNECTIONS = 4
"""Requests at a time before anything is known of a host; browsers open six."""

SLOW_S = 1.0
"""Hosts whose answers take longer than this are slow."""

LATE_FACTOR = 2.0
"""An answer that takes this many times as long as the host's quickest shows that it has enough to do."""

NEWEST_WEIGHT = 0.3
"""Of the newest answer in the running mean of times."""

MAX_PAUSES = 10
"""Retry-After is obeyed so often without an answer in between; then only each image's own wait before its repeats is.
Else a host that always says 429 would hold up a shard by 30 s for every image that it has of it."""

MAX_DELAY_S = 30.0
"""Longest time between two requests that a host's wish can set."""

Outcome = Literal["answered", "refused", "lost"]
"""refused: 429 or 503; lost: no answer, or no connection."""


@dataclass(slots=True)
class Host:
    """What is known of a host; all times in seconds of one clock. `limit` may be a fraction: of it the whole counts."""

    ceiling: int
    delay_s: float = 0.0
    """Least time between the starts of two requests."""
    limit: float = START_CONNECTIONS
    active: int = 0
    next_at: float = 0.0
    """No request starts before."""
    mean_s: float | None = None
    """Running mean of what answers took; None before the first."""
    quickest_s: float = float("inf")
    cut_at: float = float("-inf")
    grows_fast: bool = True
    pauses: int = 0

    def __post_init__(self) -> None:
        self.limit = min(self.limit, self.ceiling)

    @property
    def has_room(self) -> bool:
        return self.active < int(self.limit)

    @property
    def is_slow(self) -> bool:
        return self.mean_s is not None and self.mean_s > SLOW_S

    @property
    def is_known(self) -> bool:
        return self.mean_s is not None

    def start(self, now: float) -> None:
        """Count a request that starts."""
        self.active += 1
        self.next_at = max(self.next_at, now) + self.delay_s

    def answer(self, started_at: float, now: float, outcome: Outcome, pause_s: float = 0.0) -> None:
        """Learn from a request that ended; `pause_s` is what Retry-After asks for, bounded by who calls."""
        self.active -= 1
        took_s = now - started_at
        self.mean_s = took_s if self.mean_s is None else self.mean_s + NEWEST_WEIGHT * (took_s - self.mean_s)
        is_news = started_at >= self.cut_at  # others under way then tell of the same trouble
        if outcome == "answered":
            self.pauses = 0
            self.quickest_s = min(self.quickest_s, took_s)
            if took_s <= max(SLOW_S, LATE_FACTOR * self.quickest_s):
                self.limit = min(self.ceiling, self.limit + (1 if self.grows_fast else 1 / self.limit))
            else:
                self.grows_fast = False
            return
        if is_news:
            self.limit = max(1.0, self.limit / 2)
            self.cut_at = now
            self.grows_fast = False
        if outcome == "refused" and pause_s > 0 and self.pauses < MAX_PAUSES:
            self.next_at = max(self.next_at, now + pause_s)
            self.pauses += is_news
