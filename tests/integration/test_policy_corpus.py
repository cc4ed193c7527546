"""A served corpus of publishers' wishes: signals alone, together, in conflict and malformed, under each preset.

A site (an address of 127.0.0.0/8) has a robots.txt, a tdmrep.json and an ai.txt; its images have heads and marks. What
is right stands in the tables below, by the texts of the drafts and standards, and is no code of ours: what a preset
forbids is a set of entries, and the more restrictive wins.
"""

import io
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from aiohttp import web
from PIL import Image

from pipeline.download.config import DownloadConfig
from pipeline.download.fetch.runtime import FetchRuntime
from pipeline.download.outcome import Encoded, Failure
from pipeline.download.policy.evidence import ALLOW, FORBID
from pipeline.download.policy.options import Preset
from tests.support.server_thread import in_thread

EXPLICIT, STRICT, HEADERS = "respect-explicit", "strict", "headers-only"
BOTH, ALL_THREE = {EXPLICIT, STRICT}, {EXPLICIT, STRICT, HEADERS}


class Entry(NamedTuple):
    """What stands in a place, which presets it makes forbid, and the rule that then decides."""

    text: str
    forbids: Collection[str] = ()
    rule: str = ""


ROBOTS = [
    Entry("404"),
    Entry("User-agent: *\nDisallow: /", BOTH, "robots.txt: robots=disallow"),
    Entry("User-agent: otherbot\nDisallow: /"),
    Entry("User-agent: OurBot/2\nDisallow: /*.jpg", BOTH, "robots.txt: robots=disallow"),
    Entry("User-agent: *\nDisallow: /\nUser-agent: ourbot\nAllow: /"),
    Entry("User-agent: *\nContent-Usage: train-ai=n", BOTH, "robots.txt: content-usage/train-ai=n"),
    Entry("User-agent: *\nContent-Usage: train-ai=y\nAllow: /"),
    Entry("User-agent: *\nContent-Usage: train-ai=N"),
    Entry("User-agent: *\nContent-Usage: train-ai=n,"),
    Entry("User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /h train-ai=y"),
    Entry("User-agent: *\nContent-Usage: /elsewhere/ train-ai=n"),
    Entry("User-agent: *\nContent-Signal: search=yes, ai-train=no", BOTH, "robots.txt: content-signal/ai-train=no"),
    Entry("User-agent: *\nContent-Signal: search=no, ai-train=yes"),
    Entry("User-agent: *\nContent-Signal: ai-input=no", {STRICT}, "robots.txt: content-signal/ai-input=no"),
    Entry("User-agent: GPTBot\nDisallow: /", {STRICT}, "robots.txt: robots-ai-crawler=disallow"),
    Entry("License: /terms/no.xml", BOTH, "robots.txt: rsl=prohibited"),
    Entry("License: /terms/yes.xml"),
    Entry("License: /terms/absent.xml", {STRICT}, "robots.txt: rsl=unreadable"),
    Entry("503", {STRICT}, "robots.txt: robots-file=unreachable"),
    Entry("<html><body>Disallow: /</body></html>"),
]
TDMREP = [
    Entry("404"),
    Entry('[{"location": "/", "tdm-reservation": 1}]', BOTH, "tdmrep.json: tdm-reservation=1"),
    Entry('[{"location": "/", "tdm-reservation": 1}, {"location": "/h*", "tdm-reservation": 0}]'),
    Entry('{"location": "/", "tdm-reservation": 1}'),
    Entry('[{"location": "/elsewhere", "tdm-reservation": 1}, {"tdm-reservation": 1}]'),
]
AI_TXT = [
    Entry("404"),
    Entry("User-Agent: *\nDisallow: *.jpg", BOTH, "ai.txt: ai.txt=disallow"),
    Entry("User-Agent: *\nAllow: *.jpg\nDisallow: *.png"),
]
HEADS = [
    Entry(""),
    Entry("X-Robots-Tag: noindex, NoAI", ALL_THREE, "header: x-robots-tag=disallowed"),
    Entry("X-Robots-Tag: otherbot: noai"),
    Entry("X-Robots-Tag: ourbot: noai", ALL_THREE, "header: x-robots-tag=disallowed"),
    Entry("Content-Usage: search=y, train-ai=n", ALL_THREE, "header: content-usage/train-ai=n"),
    Entry("Content-Usage: train-ai=n, train-ai=y"),
    Entry("Content-Usage: train-ai=?0"),
    Entry("Content-Usage: Train-AI=n"),
    Entry("Content-Signal: ai-train=no", ALL_THREE, "header: content-signal/ai-train=no"),
    Entry("tdm-reservation: 1", ALL_THREE, "header: tdm-reservation=1"),
    Entry("tdm-reservation: 0"),
    Entry("tdm-reservation: true"),
    Entry('Link: </terms/no.xml>; rel="license"; type="application/rsl+xml"', ALL_THREE, "header: rsl=prohibited"),
    Entry('Link: </terms/no.xml>; rel="license"; type="text/html"'),
]
MARKS = [
    Entry(""),
    Entry("DMI-PROHIBITED", BOTH, "image: data-mining=DMI-PROHIBITED"),
    Entry("DMI-ALLOWED"),
    Entry("DMI-PROHIBITED-GENAIMLTRAINING", {STRICT}, "image: data-mining=DMI-PROHIBITED-GENAIMLTRAINING"),
    Entry("DMI-NONSENSE"),
]
SITES = [(robots, tdmrep, ai) for robots in ROBOTS for tdmrep in TDMREP for ai in AI_TXT]
IMAGES = [(head, mark) for head in range(len(HEADS)) for mark in range(len(MARKS))]
TERMS = '<rsl><content url="/"><license><{0} type="usage">all</{0}></license></content></rsl>'
PER_SITE = 4
"""Images of each site, so that all of `IMAGES` come in turn: 300 sites x 4 x three presets are 3,600 decisions."""


def marked_jpeg(value: str) -> bytes:
    sink = io.BytesIO()
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" '
        f'plus:DataMining="http://ns.useplus.org/ldf/vocab/{value}"/></rdf:RDF></x:xmpmeta>'
    )
    Image.new("RGB", (16, 16), (200, 10, 10)).save(sink, "JPEG", **({"xmp": packet.encode()} if value else {}))
    return sink.getvalue()


@dataclass
class Publisher:
    """All sites; counts what it was asked for, by site and path."""

    port: int = 0
    asked: Counter[tuple[int, str]] = field(default_factory=Counter)
    pictures: list[bytes] = field(default_factory=lambda: [marked_jpeg(entry.text) for entry in MARKS])

    def url(self, site: int, head: int, mark: int) -> str:
        return f"http://127.1.{site // 200}.{site % 200 + 1}:{self.port}/h{head}-{mark}.jpg"

    async def answer(self, request: web.Request) -> web.Response:
        address = request.host.partition(":")[0].split(".")
        site = int(address[2]) * 200 + int(address[3]) - 1
        path = request.path
        self.asked[site, path] += 1
        robots, tdmrep, ai = SITES[site]
        files = {"/robots.txt": robots, "/.well-known/tdmrep.json": tdmrep, "/ai.txt": ai}
        if path in files:
            text = files[path].text
            return web.Response(status=int(text)) if text.isdigit() else web.Response(text=text)
        if path.startswith("/terms/"):
            word = {"/terms/no.xml": "prohibits", "/terms/yes.xml": "permits"}.get(path)
            return web.Response(text=TERMS.format(word)) if word else web.Response(status=404)
        head, mark = map(int, path.removeprefix("/h").removesuffix(".jpg").split("-"))
        name, _, value = HEADS[head].text.partition(": ")
        return web.Response(body=self.pictures[mark], headers={name: value} if name else {}, content_type="image/jpeg")

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_get("/{path:.*}", self.answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "0.0.0.0", 0, backlog=4096).start()
        self.port = runner.addresses[0][1]
        yield
        await runner.cleanup()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    found = Publisher()
    with in_thread(found.listening()):
        yield found


def cases() -> list[tuple[int, int, int]]:
    """Return (site, head, mark): each site with the next images in turn."""
    return [
        (site, *IMAGES[(PER_SITE * site + number) % len(IMAGES)])
        for site in range(len(SITES))
        for number in range(PER_SITE)
    ]


@pytest.mark.parametrize("preset", [EXPLICIT, STRICT, HEADERS])
def test_every_decision_is_right(publisher: Publisher, preset: Preset) -> None:
    config = DownloadConfig(
        selection="s", output="o", policy=preset, allow_private_addresses=True, image_size=16, retries=0, timeout_s=600,
        num_decode_processes=1, user_agent="ourbot/1.0 (+https://a.example)",
    )  # fmt: skip
    runtime = FetchRuntime(config, {})
    wanted = cases()
    try:
        waiting = [
            runtime.submit(runtime.get(f"{number:032x}", publisher.url(*case), None))
            for number, case in enumerate(wanted)
        ]
        fetched = [future.result() for future in waiting]
    finally:
        runtime.close()
    for (site, head, mark), found in zip(wanted, fetched, strict=True):
        of_site = [entry for entry in SITES[site] if preset in entry.forbids]
        forbidding = of_site + [entry for entry in (HEADS[head], MARKS[mark]) if preset in entry.forbids]
        where = (SITES[site], HEADS[head], MARKS[mark])
        evidence = found.evidence
        assert evidence is not None, where
        if not forbidding:
            assert isinstance(found.result, Encoded), (found, where)
            assert evidence.decision == ALLOW, (evidence, where)
            continue
        assert isinstance(found.result, Failure), where
        assert found.result.reason == ("http_error" if "unreachable" in str(evidence.rule) else "opted_out"), where
        assert evidence.decision == FORBID, where
        assert evidence.rule in {entry.rule for entry in forbidding}, (evidence, where)
        path = f"/h{head}-{mark}.jpg"
        if of_site:
            assert publisher.asked[site, path] == 0, where
    of_files = [count for (_, path), count in publisher.asked.items() if path.endswith((".txt", ".json"))]
    assert set(of_files) == (set() if preset == HEADERS else {1})
