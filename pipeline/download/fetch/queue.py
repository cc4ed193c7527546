"""The order of requests: first come, first served, but never more than so many at one host.

A request that would be one too many waits aside, so slow hosts do not hold up the others.
"""

import asyncio
from collections import deque
from dataclasses import dataclass

from pipeline.download.outcome import Encoded, Failure, ImageReference


@dataclass(frozen=True)
class Fetched:
    """What became of one image: the result, and what the server said."""

    result: Encoded | Failure
    http_status: int | None
    body_bytes: int


@dataclass
class FetchTask:
    """One image to fetch; `host` is None for a local one. `attempts` counts the requests made."""

    key: str
    url: str | None
    reference: ImageReference | None
    host: str | None
    done: "asyncio.Future[Fetched]"
    attempts: int = 0


class FetchQueue:
    """Tasks that may start now, and those that wait for their host. For one event loop."""

    def __init__(self, max_per_host: int) -> None:
        self._max_per_host = max_per_host
        self._ready: asyncio.Queue[FetchTask] = asyncio.Queue()
        self._active: dict[str, int] = {}
        self._waiting: dict[str, deque[FetchTask]] = {}

    def put(self, task: FetchTask) -> None:
        host = task.host
        if host is not None:
            if self._active.get(host, 0) >= self._max_per_host:
                self._waiting.setdefault(host, deque()).append(task)
                return
            self._active[host] = self._active.get(host, 0) + 1
        self._ready.put_nowait(task)

    async def take(self) -> FetchTask:
        """Return the next task; it holds a place at its host until `release`."""
        return await self._ready.get()

    def release(self, task: FetchTask) -> None:
        """Give the place of `task` at its host to the next in line."""
        host = task.host
        if host is None:
            return
        waiting = self._waiting.get(host)
        if waiting:
            self._ready.put_nowait(waiting.popleft())
            if not waiting:
                del self._waiting[host]
            return
        self._active[host] -= 1
        if not self._active[host]:
            del self._active[host]
