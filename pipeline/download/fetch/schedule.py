"""Which request is next: in the order they came, no more at a host than it bears, slow hosts in a lane of their own.

    put -> its host's line -> a slot ------------------------------------> answered, done
                 |               | no answer within `PATIENCE_S`              ^
                 |               v                                            |
                 +-----------> the slow lane (hosts known as slow: at once) --+

A request that waits for a slow server costs a socket and nothing else, so it gives its slot to the next: however many
hosts are slow, the others are asked as fast as before, as long as the lane has room. When it is full, hosts of which
nothing is known get half of the slots at most, so that hosts known as quick go on. Images are queued by the hash of
their URL, which mixes the hosts. No output depends on the order.

Pure: the time is given, nothing waits.
"""

import asyncio
import heapq
from collections import deque
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Generic, TypeVar

from pipeline.download.fetch.host import MAX_DELAY_S, Host, Outcome

Task = TypeVar("Task")

PATIENCE_S = 0.25
"""A request without an answer gives its slot back after this."""

MAX_HOSTS = 50_000
"""Hosts remembered, about 400 bytes each; hosts with images in line are never forgotten."""

EVICTION_STEPS = 100
"""Hosts looked at to find one that can be forgotten, the oldest first."""

HERE = ""
"""The host of images that are here already: no limits."""


@dataclass
class _Line(Generic[Task]):
    """A host and its images, each with its place in the order of all."""

    name: str
    host: Host
    waiting: deque[tuple[int, Task]] = field(default_factory=deque)
    is_queued: bool = False
    """It stands in one of the heaps."""


@dataclass(eq=False)
class Place(Generic[Task]):
    """A request under way."""

    task: Task
    line: _Line[Task]
    started_at: float
    in_lane: bool
    is_probe: bool
    """It started when nothing was known of its host."""
    is_answered: bool = False
    patience: asyncio.TimerHandle | None = None
    """Calls `overdue`; the queue's."""


class Schedule(Generic[Task]):
    """What waits and what is under way, of one process."""

    def __init__(self, *, num_slots: int, num_lane: int, max_per_host: int, delay_s: float = 0.0) -> None:
        """`delay_s`: least time between two requests to a host, unless it wishes a longer one."""
        self._num_slots, self._num_lane = num_slots, num_lane
        self._max_per_host, self._delay_s = max_per_host, delay_s
        self._lines: dict[str, _Line[Task]] = {HERE: _Line(HERE, Host(1 << 30, limit=1 << 30))}
        self._order = count()
        self._ready: list[tuple[int, str]] = []
        self._unknown: list[tuple[int, str]] = []
        self._slow: list[tuple[int, str]] = []
        self._sleeping: list[tuple[float, int, str]] = []
        self._overdue: deque[Place[Task]] = deque()
        self.in_slots = self.in_lane = self.probes_in_slots = 0

    def host(self, name: str) -> Host:
        """Return what is known of the host `name`."""
        return self._line(name).host

    def set_delay(self, name: str, delay_s: float) -> None:
        """Let at least `delay_s` (at most `MAX_DELAY_S`) pass between two requests to the host `name`."""
        self.host(name).delay_s = max(self._delay_s, min(delay_s, MAX_DELAY_S))

    def put(self, name: str, task: Task) -> None:
        """Put `task` at the end of the line of the host `name`."""
        line = self._line(name)
        line.waiting.append((next(self._order), task))
        self._queue(line)

    def pop(self, now: float) -> Place[Task] | None:
        """Start the next request that may start now; it holds its place until `answered` and `done`."""
        while self._sleeping and self._sleeping[0][0] <= now:
            _, _, name = heapq.heappop(self._sleeping)
            line = self._lines[name]
            line.is_queued = False
            self._queue(line)
        while self.in_slots < self._num_slots:
            heaps = [self._ready]
            if self.probes_in_slots < max(1, self._num_slots // 2) + self._num_lane - self.in_lane:
                heaps.append(self._unknown)  # were none of them answered, the lane would take all but half
            heap = min((one for one in heaps if one), default=None)
            if heap is None:
                break
            place = self._start(heap, now)
            if place is not None:
                return place
        while self._slow and self.in_lane < max(1, self._num_lane // 2):
            place = self._start(self._slow, now)
            if place is not None:
                return place
        return None

    def wake_at(self) -> float | None:
        """Return when `pop` may give what it does not give now, though nothing else happens."""
        return self._sleeping[0][0] if self._sleeping else None

    def overdue(self, place: Place[Task]) -> None:
        """Tell that `place` has no answer yet: its slot goes to others as soon as the lane has room."""
        if place.in_lane or place.is_answered:
            return
        if self.in_lane < self._num_lane:
            self._to_lane(place)
        else:
            self._overdue.append(place)

    def answered(self, place: Place[Task], now: float, outcome: Outcome, pause_s: float = 0.0) -> None:
        """Give back the place at the host; what came may still have to be decoded."""
        place.is_answered = True
        line = place.line
        if line.name == HERE:
            line.host.active -= 1
        else:
            line.host.answer(place.started_at, now, outcome, pause_s)
        self._queue(line)

    def done(self, place: Place[Task]) -> None:
        """Give back the slot, or the place in the lane."""
        if not place.in_lane:
            self.in_slots -= 1
            self.probes_in_slots -= place.is_probe
            return
        self.in_lane -= 1
        while self._overdue:
            next_one = self._overdue.popleft()
            if not next_one.is_answered:
                self._to_lane(next_one)
                break

    def _to_lane(self, place: Place[Task]) -> None:
        place.in_lane = True
        self.in_slots -= 1
        self.probes_in_slots -= place.is_probe
        self.in_lane += 1

    def _start(self, heap: list[tuple[int, str]], now: float) -> Place[Task] | None:
        """Start what is first in `heap`, or put its host where it belongs by now."""
        _, name = heapq.heappop(heap)
        line = self._lines[name]
        line.is_queued = False
        host = line.host
        if not line.waiting or not host.has_room:
            return None
        if host.next_at > now and name != HERE:
            line.is_queued = True
            heapq.heappush(self._sleeping, (host.next_at, line.waiting[0][0], name))
            return None
        if self._heap(line) is not heap:
            self._queue(line)
            return None
        _, task = line.waiting.popleft()
        place = Place(task, line, now, heap is self._slow, heap is self._unknown)
        host.start(now)
        self.in_lane += place.in_lane
        self.in_slots += not place.in_lane
        self.probes_in_slots += place.is_probe
        self._queue(line)
        return place

    def _queue(self, line: _Line[Task]) -> None:
        if line.waiting and line.host.has_room and not line.is_queued:
            line.is_queued = True
            heapq.heappush(self._heap(line), (line.waiting[0][0], line.name))

    def _heap(self, line: _Line[Task]) -> list[tuple[int, str]]:
        if line.host.is_slow:
            return self._slow
        return self._ready if line.host.is_known or line.name == HERE else self._unknown

    def _line(self, name: str) -> _Line[Task]:
        line = self._lines.get(name)
        if line is None:
            if len(self._lines) >= MAX_HOSTS:
                self._forget()
            line = self._lines[name] = _Line(name, Host(self._max_per_host, self._delay_s))
        return line

    def _forget(self) -> None:
        for name, line in islice(self._lines.items(), EVICTION_STEPS):
            if name != HERE and not line.waiting and not line.host.active and not line.is_queued:
                del self._lines[name]
                return
