"""The images to fetch, and the schedule of their requests on an event loop."""

import asyncio
from dataclasses import dataclass

from yarl import URL

from pipeline.download.fetch.host import Outcome
from pipeline.download.fetch.schedule import HERE, PATIENCE_S, Place, Schedule
from pipeline.download.outcome import Body, Encoded, Failure, ImageReference, Seen
from pipeline.download.policy.evidence import Evidence
from pipeline.download.policy.gate import Gate

REFUSALS = frozenset({429, 503})
"""Statuses of a server that has too much to do."""

LOST = frozenset({"timed_out", "connect_failed", "dns_failed"})
"""Reasons of requests that brought no answer at all."""


@dataclass(frozen=True)
class Fetched:
    """What became of one image: the result, and what the server said."""

    result: Encoded | Failure | Seen
    """`Seen` where it was asked for by `Wanted`."""
    http_status: int | None
    body_bytes: int
    evidence: Evidence | None = None
    """Of its publisher's wishes; None where nobody was asked."""


@dataclass(frozen=True)
class Wanted:
    """What is wanted of an image that is stored already: whether it is there, with the bytes of `sha256` (hex)."""

    sha256: str | None
    head_only: bool = False
    """The body is not read."""


@dataclass
class FetchTask:
    """One image to fetch; `host` is None for a local one. `attempts` counts the requests made."""

    key: str
    url: str | None
    reference: ImageReference | None
    host: str | None
    done: "asyncio.Future[Fetched]"
    parsed: URL | None = None
    """The `url`, as it is asked for."""
    attempts: int = 0
    arguments: bytes = b""
    """What the list says of the image (`content.arguments`)."""
    wanted: Wanted | None = None
    """None: the image itself."""
    gate: Gate | None = None
    """Of the attempt that is made, or waits for its time by Crawl-delay."""


class FetchQueue:
    """The schedule of an event loop: what may start, and when. One dispatcher takes."""

    def __init__(self, schedule: Schedule[FetchTask]) -> None:
        self._schedule = schedule
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()

    def put(self, task: FetchTask) -> None:
        self._schedule.put(HERE if task.host is None else task.host, task)
        self._changed.set()

    def set_delay(self, host: str, delay_s: float) -> None:
        """Let at least so many seconds pass between two requests to `host`, bounded by `host.MAX_DELAY_S`."""
        self._schedule.set_delay(host, delay_s)

    async def take(self) -> Place[FetchTask]:
        """Return the next request, which starts now. To be given back by `answered`, then `done`."""
        while True:
            place = self._schedule.pop(self._loop.time())
            if place is not None:
                if place.task.host is not None:
                    place.patience = self._loop.call_later(PATIENCE_S, self._overdue, place)
                return place
            self._changed.clear()
            wake_at = self._schedule.wake_at()
            timer = None if wake_at is None else self._loop.call_at(wake_at, self._changed.set)
            try:
                await self._changed.wait()
            finally:
                if timer is not None:
                    timer.cancel()

    def answered(self, place: Place[FetchTask], body: Body | Failure) -> None:
        """Give the place at the host to the next in line."""
        if place.patience is not None:
            place.patience.cancel()
        pause_s = body.retry_after_s if isinstance(body, Failure) else 0.0
        self._schedule.answered(place, self._loop.time(), outcome_of(body), pause_s)
        self._changed.set()

    def done(self, place: Place[FetchTask]) -> None:
        """Give the slot to the next."""
        self._schedule.done(place)
        self._changed.set()

    def _overdue(self, place: Place[FetchTask]) -> None:
        self._schedule.overdue(place)
        self._changed.set()


def outcome_of(body: Body | Failure) -> Outcome:
    """Return what an answer says about its host."""
    if isinstance(body, Failure):
        if body.http_status in REFUSALS:
            return "refused"
        if body.reason in LOST:
            return "lost"
    return "answered"
