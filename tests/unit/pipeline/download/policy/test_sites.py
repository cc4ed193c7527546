"""Files of sites: asked for once, kept within bounds, and what follows when they cannot be had."""

import asyncio
from collections import Counter

import pytest

from pipeline.download.outcome import Body, Failure
from pipeline.download.policy.options import PolicyOptions, Preset
from pipeline.download.policy.sites import Site, Sites
from pipeline.download.policy.vocabulary import load_vocabulary

ABSENT = Failure("http_error", 404)


class Web:
    """Answers by address; counts."""

    def __init__(self, **answers: Body | Failure) -> None:
        self.answers = answers
        self.asked: Counter[str] = Counter()

    async def ask(self, url: str) -> Body | Failure:
        self.asked[url] += 1
        await asyncio.sleep(0)
        return self.answers.get(url.rpartition("/")[2].partition(".")[0], ABSENT)


def sites(web: Web, preset: Preset = "respect-explicit", **bounds: int) -> Sites:
    return Sites(web.ask, "ourbot", load_vocabulary(PolicyOptions(policy=preset)), **bounds)


def site(web: Web, preset: Preset = "respect-explicit") -> Site:
    return asyncio.run(sites(web, preset).site("http://a.example"))


def rows(found: Site, path: str = "/a.jpg") -> list[str]:
    return [f"{signal.place}: {signal.row}" for signal in found.signals(path)]


def test_whoever_comes_waits_for_one_answer() -> None:
    web = Web(robots=Body(b"User-agent: *\nDisallow: /", 200))

    async def ask_all() -> list[Site]:
        known = sites(web)
        return await asyncio.gather(*(known.site("http://a.example") for _ in range(100)))

    found = asyncio.run(ask_all())
    assert set(web.asked.values()) == {1}
    assert len(web.asked) == 3
    assert all(one is found[0] for one in found)
    assert rows(found[0]) == ["robots.txt: robots=disallow"]


def test_what_is_least_used_is_thrown_away_first() -> None:
    web = Web()

    async def ask() -> int:
        known = sites(web, max_kept=2)
        for name in ("a", "b", "a", "c", "a", "b"):
            await known.site(f"http://{name}.example")
        return web.asked["http://a.example/robots.txt"]

    assert asyncio.run(ask()) == 1
    assert web.asked["http://b.example/robots.txt"] == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_a_file_that_is_absent_forbids_nothing(status: int) -> None:
    found = site(Web(robots=Failure("http_error", status)))
    assert rows(found) == []
    assert found.robots_failure is None


@pytest.mark.parametrize(
    "failure", [Failure("http_error", 503), Failure("http_error", 429), Failure("timed_out"), Failure("connect_failed")]
)
def test_a_robots_txt_that_cannot_be_had_is_told(failure: Failure) -> None:
    web = Web(robots=failure)
    found = site(web)
    assert rows(found)[0] == "robots.txt: robots-file=unreachable"
    assert found.robots_failure == failure
    assert len(web.asked) == (3 if failure.http_status else 1)  # a server that is not there is asked no further


def test_pages_in_place_of_files_say_nothing_and_other_forms_are_told() -> None:
    page = Body(b"<!doctype html><title>not here</title>", 200)
    assert rows(site(Web(robots=page, tdmrep=page, ai=page))) == []
    assert rows(site(Web(tdmrep=Body(b"{}", 200)))) == ["tdmrep.json: site-file=unreadable"]
    assert rows(site(Web(ai=Failure("body_too_large")))) == ["ai.txt: site-file=unreadable"]


def test_the_longest_path_of_content_usage_holds() -> None:
    text = b"User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /free/ train-ai=y"
    found = site(Web(robots=Body(text, 200)))
    assert rows(found, "/a.jpg") == ["robots.txt: content-usage/train-ai=n"]
    assert rows(found, "/free/a.jpg") == ["robots.txt: content-usage/train-ai=y"]


def test_requests_keep_the_distance_that_a_site_asks_for() -> None:
    found = site(Web(robots=Body(b"User-agent: *\nCrawl-delay: 2", 200)))
    assert [found.reserve(10.0, 60.0) for _ in range(3)] == [0.0, 2.0, 4.0]
    assert found.reserve(11.0, 0.5) == 5.0  # its turn, and half a second behind it for the next
    assert found.reserve(16.0, 0.5) == 0.5
    assert found.reserve(10.0, 0.0) == 0.0


def test_terms_are_asked_for_once() -> None:
    web = Web(
        l=Body(b'<rsl><content url="/"><license><prohibits type="usage">all</prohibits></license></content></rsl>', 200)
    )

    async def ask() -> str:
        known = sites(web)
        for _ in range(3):
            found = await known.terms("http://a.example/l.xml")
        assert found is not None
        return found.of("http://a.example", "/a.jpg")

    assert asyncio.run(ask()) == "prohibited"
    assert web.asked["http://a.example/l.xml"] == 1
