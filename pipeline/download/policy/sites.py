"""What a site says of all its images: robots.txt, tdmrep.json, ai.txt, and terms of RSL; each asked for once.

A site is scheme, host and port. Whoever needs one that is asked for just now waits for the same answer. What was read
is kept, the least used leaves first when there is more than `MAX_KEPT` or `MAX_KEPT_BYTES`; it would be asked for anew.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pipeline.download.outcome import Body, Failure
from pipeline.download.policy import tdmrep
from pipeline.download.policy.evidence import Signal, printable
from pipeline.download.policy.robots import NO_ROBOTS, Robots, is_disallowed, read_robots
from pipeline.download.policy.rsl import Terms, read_terms
from pipeline.download.policy.usage import content_signal, content_usage
from pipeline.download.policy.vocabulary import Vocabulary

MAX_KEPT = 100_000
MAX_KEPT_BYTES = 64 << 20
MAX_SITE_FILE_BYTES = 2 << 20
"""A larger file is unreadable. Of robots.txt and ai.txt the first 500 KiB are read (RFC 9309, 2.5)."""
MAX_SITE_REDIRECTS = 5
"""RFC 9309, 2.3.1.2."""
_KEPT_BYTES = 1_000
"""About, of a site that says nothing."""

Ask = Callable[[str], Awaitable[Body | Failure]]
"""Asks for an address once, bounded in time and bytes."""
Value = TypeVar("Value")


@dataclass
class Site:
    """What the files of a site say."""

    robots: Robots = NO_ROBOTS
    ai_txt: Robots = NO_ROBOTS
    tdm_rules: tdmrep.Rules = ()
    failures: tuple[Signal, ...] = ()
    """Files that could not be had or read."""
    robots_failure: Failure | None = None
    """Why there is no robots.txt to obey."""
    due_s: float = field(default=0.0, compare=False)
    """When the next request may begin, where there is a Crawl-delay."""

    @property
    def size(self) -> int:
        return _KEPT_BYTES + self.robots.size + self.ai_txt.size + 300 * len(self.tdm_rules)

    def signals(self, path: str) -> list[Signal]:
        """Return what the files say of an address, `path` with its query; without terms of RSL."""
        found = list(self.failures)
        robots = self.robots
        if not robots.says_nothing:
            if robots.ours is not None and is_disallowed(robots.ours, path):
                found.append(Signal("robots.txt", "robots", "disallow", ""))
            tokens = [token for token, rules in robots.crawlers if is_disallowed(rules, path)]
            if tokens:
                found.append(Signal("robots.txt", "robots-ai-crawler", "disallow", printable(" ".join(tokens))))
            for name, read in (("content-usage", content_usage), ("content-signal", content_signal)):
                lines = [(pattern, value) for line, pattern, value in robots.lines if line == name]
                for value in tdmrep.longest(lines, path):
                    found += read("robots.txt", value)
        if self.tdm_rules:
            found += tdmrep.of_path(self.tdm_rules, path)
        if self.ai_txt.ours is not None and is_disallowed(self.ai_txt.ours, path):
            found.append(Signal("ai.txt", "ai.txt", "disallow", ""))
        return found

    def reserve(self, now_s: float, max_delay_s: float) -> float:
        """Return in how many seconds a request may begin by Crawl-delay, and take that place; 0: now."""
        delay_s = min(self.robots.crawl_delay_s, max_delay_s)
        if delay_s <= 0:
            return 0.0
        begin_s = max(now_s, self.due_s)
        self.due_s = begin_s + delay_s
        return begin_s - now_s


class _Kept(Generic[Value]):
    """Answers by key, asked for once, the least used thrown away first."""

    def __init__(self, size_of: Callable[[Value], int], max_kept: int, max_bytes: int) -> None:
        self._size_of, self._max_kept, self._max_bytes = size_of, max_kept, max_bytes
        self._tasks: OrderedDict[str, asyncio.Task[Value]] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._bytes = 0

    async def get(self, key: str, make: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(make())
        self._tasks.move_to_end(key)
        value = await asyncio.shield(task)  # who waits may be cancelled by its deadline
        if key not in self._sizes and self._tasks.get(key) is task:
            self._sizes[key] = self._size_of(value)
            self._bytes += self._sizes[key]
            self._drop()
        return value

    def _drop(self) -> None:
        while len(self._sizes) > self._max_kept or self._bytes > self._max_bytes:
            key = next(key for key in self._tasks if key in self._sizes)
            del self._tasks[key]
            self._bytes -= self._sizes.pop(key)

    def __len__(self) -> int:
        return len(self._tasks)


class Sites:
    """The sites and terms of a worker process. For one event loop."""

    def __init__(
        self,
        ask: Ask,
        agent: str,
        vocabulary: Vocabulary,
        max_kept: int = MAX_KEPT,
        max_bytes: int = MAX_KEPT_BYTES,
    ) -> None:
        self._ask, self._agent, self._vocabulary = ask, agent, vocabulary
        self._crawlers = vocabulary.ai_crawlers if vocabulary.reads("robots-ai-crawler") else ()
        self._sites = _Kept[Site](_site_size, max_kept, max_bytes // 2)
        self._terms = _Kept[Terms | None](_terms_size, max_kept, max_bytes // 2)

    async def site(self, origin: str) -> Site:
        """Return what is known of a site (``https://host:port``)."""
        return await self._sites.get(origin, lambda: self._ask_site(origin))

    async def terms(self, url: str) -> Terms | None:
        """Return the terms at an address, None when they cannot be had or read."""
        return await self._terms.get(url, lambda: self._ask_terms(url))

    async def _ask_site(self, origin: str) -> Site:
        site = Site()
        files = self._vocabulary.files
        if "robots.txt" in files:
            body = await self._ask(f"{origin}/robots.txt")
            if isinstance(body, Body):
                site.robots = read_robots(body.data, self._agent, self._crawlers)
                if site.robots.is_unreadable:
                    site.robots_failure = Failure("opted_out", body.http_status)
                    site.failures += (Signal("robots.txt", "robots-file", "unreadable", ""),)
            elif not _is_absent(body):
                site.robots_failure = body
                site.failures += (_failed("robots.txt", "robots-file", body),)
                if body.http_status is None and body.reason != "too_many_redirects":
                    return site  # there is no server: nothing else of it can be had
        if ".well-known/tdmrep.json" in files:
            body = await self._ask(f"{origin}/.well-known/tdmrep.json")
            if isinstance(body, Body):
                rules = tdmrep.read_tdmrep(body.data)
                site.tdm_rules = rules or ()
                if rules is None and not _is_page(body.data):
                    site.failures += (Signal("tdmrep.json", "site-file", "unreadable", ""),)
            elif not _is_absent(body):
                site.failures += (_failed("tdmrep.json", "site-file", body),)
        if "ai.txt" in files:
            body = await self._ask(f"{origin}/ai.txt")
            if isinstance(body, Body):
                if not _is_page(body.data):
                    site.ai_txt = read_robots(body.data, self._agent, rooted=True)
                if site.ai_txt.is_unreadable:
                    site.failures += (Signal("ai.txt", "site-file", "unreadable", ""),)
            elif not _is_absent(body):
                site.failures += (_failed("ai.txt", "site-file", body),)
        return site

    async def _ask_terms(self, url: str) -> Terms | None:
        body = await self._ask(url)
        return read_terms(body.data) if isinstance(body, Body) else None


def _site_size(site: Site) -> int:
    return site.size


def _terms_size(terms: Terms | None) -> int:
    return _KEPT_BYTES + (sum(len(pattern) + 100 for _, pattern, _ in terms.contents) if terms else 0)


def _is_absent(failure: Failure) -> bool:
    """Tell whether there is no such file (RFC 9309, 2.3.1.3: 4xx), but for 429, which says try later."""
    status = failure.http_status
    return failure.reason == "http_error" and status is not None and status != 429 and not 500 <= status < 600


def _failed(place: str, name: str, failure: Failure) -> Signal:
    value = "unreadable" if failure.reason == "body_too_large" else "unreachable"
    return Signal(place, name, value, failure.text)


def _is_page(data: bytes) -> bool:
    """Tell whether a server gave a page where there is no file: many do, with status 200."""
    return data[:1_000].lstrip().startswith(b"<")
