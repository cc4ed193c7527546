"""The policy on the way of an image: before each request, at each head, before its bytes are decoded.

A `Policy` of a worker process makes a `Gate` for each attempt at an image; what the gate saw is the image's evidence.
"""

from collections.abc import Awaitable, Callable

from yarl import URL

from pipeline.download.config import DownloadConfig
from pipeline.download.outcome import Failure
from pipeline.download.policy.evidence import FORBID, Evidence, Judged, Signal, decide, printable
from pipeline.download.policy.header_signals import Fields, has_wishes, header_signals, linked_terms
from pipeline.download.policy.image_marks import beside_pixels, data_mining, has_manifest_mark
from pipeline.download.policy.sites import Ask, Site, Sites
from pipeline.download.policy.vocabulary import load_vocabulary

ReadManifest = Callable[[bytes], Awaitable[list[Signal]]]
"""Reads what the manifests in an image say, bounded in time and memory."""


class Policy:
    """What a worker process knows of wishes. `ask` asks for the files of sites."""

    def __init__(self, config: DownloadConfig, ask: Ask, read_manifest: ReadManifest) -> None:
        self.vocabulary = load_vocabulary(config)
        self.agent = config.agent_token
        self.read_manifest = read_manifest
        self.disallowed = config.disallowed_header_directives
        self.max_delay_s = config.max_crawl_delay_s
        self.sites = Sites(ask, self.agent, self.vocabulary)
        self.asks_sites = bool(self.vocabulary.files)
        self.reads_terms = self.vocabulary.reads("rsl")
        self.reads_marks = self.vocabulary.reads("data-mining")
        self.reads_manifests = self.vocabulary.reads("training-mining")

    def gate(self) -> "Gate":
        return Gate(self)


class Gate:
    """What was seen on the way of one image."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._seen: dict[Judged, None] = {}
        self._linked: list[str] = []
        self._url: URL | None = None
        self._site: Site | None = None

    async def may_ask(self, url: URL) -> Failure | None:
        """Return why an address, that of the image or of a redirect, may not be asked for; None: it may."""
        self._url = url
        if not self._policy.asks_sites:
            return None
        origin = origin_of(url)
        site = self._site = await self._policy.sites.site(origin)
        self._note(site.signals(url.raw_path_qs))
        for address in site.robots.licenses if self._policy.reads_terms else ():
            await self._note_terms("robots.txt", address)
        evidence = self.evidence()
        if evidence.decision != FORBID:
            return None
        if evidence.rule == "robots.txt: robots-file=unreachable" and site.robots_failure is not None:
            return site.robots_failure
        return Failure("opted_out")

    def may_read(self, fields: Fields) -> bool:
        """Tell whether the head of an answer lets its body be read."""
        if not has_wishes(fields):
            return True
        self._note(header_signals(fields, self._policy.agent, self._policy.disallowed))
        if self._policy.reads_terms:
            self._linked = linked_terms(fields)
        return self.evidence().decision != FORBID

    async def may_keep(self, data: bytes) -> bool:
        """Tell whether the terms that the head named, and the image's own marks, let it be decoded."""
        for address in self._linked:
            await self._note_terms("header", address)
        if not (self._policy.reads_marks or self._policy.reads_manifests):
            return self.evidence().decision != FORBID
        searched = beside_pixels(data)
        if self._policy.reads_marks:
            self._note(data_mining(searched))
        if self._policy.reads_manifests and has_manifest_mark(searched):
            self._note(await self._policy.read_manifest(data))
        return self.evidence().decision != FORBID

    def wait_s(self, now_s: float) -> float:
        """Return in how many seconds the request may begin by the site's Crawl-delay, and take that place."""
        return self._site.reserve(now_s, self._policy.max_delay_s) if self._site is not None else 0.0

    def evidence(self) -> Evidence:
        return decide(tuple(self._seen))

    def _note(self, signals: list[Signal]) -> None:
        if signals:
            self._seen.update(dict.fromkeys(self._policy.vocabulary.judge(signals)))

    async def _note_terms(self, place: str, address: str) -> None:
        assert self._url is not None
        try:
            url = str(self._url.join(URL(address)))
        except ValueError:  # malformed
            url = ""
        terms = await self._policy.sites.terms(url) if url else None
        value = terms.of(origin_of(self._url), self._url.raw_path_qs) if terms is not None else "unreadable"
        self._note([Signal(place, "rsl", value, printable(address))])


def origin_of(url: URL) -> str:
    """Return scheme, host and port of an address, as the files of its site are asked for."""
    host = url.host_subcomponent or ""
    port = url.explicit_port
    is_default = port is None or port == {"http": 80, "https": 443}.get(url.scheme)
    return f"{url.scheme}://{host}".lower() + ("" if is_default else f":{port}")
