"""robots.txt: groups, agents, the newer lines, hostile files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.policy.robots import MAX_LICENSES, MAX_LINES, is_disallowed, read_robots


def keeps_off(text: str, path: str, agent: str = "ourbot") -> bool:
    ours = read_robots(text.encode(), agent).ours
    return ours is not None and is_disallowed(ours, path)


@pytest.mark.parametrize(
    ("text", "path", "wanted"),
    [
        ("User-agent: *\nDisallow: /", "/a.jpg", True),
        ("User-agent: *\nDisallow:", "/a.jpg", False),
        ("User-agent: otherbot\nDisallow: /", "/a.jpg", False),
        ("User-agent: OURBOT/2.1\nDisallow: /", "/a.jpg", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: ourbot\nAllow: /", "/a.jpg", False),
        ("User-agent: a\nUser-agent: ourbot\nDisallow: /img", "/img/a.jpg", True),
        ("User-agent: ourbot\nDisallow: /a\nUser-agent: x\nDisallow: /\nUser-agent: ourbot\nDisallow: /b", "/b", True),
        ("User-agent: *\nDisallow: /img\nAllow: /img/free", "/img/free/a.jpg", False),
        ("User-agent: *\nAllow: /a\nDisallow: /a", "/a", False),
        ("User-agent: *\nDisallow: /*.jpg$", "/x/a.jpg", True),
        ("User-agent: *\nDisallow: /*.jpg$", "/x/a.jpg?w=1", False),
        ("User-agent: *\nDisallow: /a%7Eb", "/a~b", True),
        ("\ufeffUser-agent: *\r\nDisallow: /", "/a", True),
        ("User-agent: * # all\rDisallow: / # all", "/a", True),
        ("Disallow: /", "/a", False),
        ("<html>Disallow: /</html>", "/a", False),
        ("", "/a", False),
    ],
    ids=map(str, range(17)),
)
def test_who_is_kept_off_what(text: str, path: str, wanted: bool) -> None:
    assert keeps_off(text, path) == wanted


def test_the_newer_lines_are_of_the_group_of_the_agent() -> None:
    text = (
        "User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /free/ train-ai=y\nContent-Signal: ai-train=no\n"
        "Crawl-delay: 2.5\nLicense: https://a.example/terms.xml\nUser-agent: other\nContent-Usage: search=n\n"
    )
    found = read_robots(text.encode(), "ourbot")
    assert found.lines == (
        ("content-usage", "/", "train-ai=n"), ("content-usage", "/free/", "train-ai=y"),
        ("content-signal", "/", "ai-train=no"),
    )  # fmt: skip
    assert found.crawl_delay_s == 2.5
    assert found.licenses == ("https://a.example/terms.xml",)


def test_crawlers_that_are_named_have_rules_of_their_own() -> None:
    text = "User-agent: GPTBot\nUser-agent: CCBot\nDisallow: /\nUser-agent: *\nAllow: /"
    found = read_robots(text.encode(), "ourbot", ("gptbot", "ccbot", "bytespider"))
    assert [token for token, rules in found.crawlers if is_disallowed(rules, "/a")] == ["gptbot", "ccbot"]
    assert found.ours is not None
    assert not is_disallowed(found.ours, "/a")


def test_ai_txt_has_patterns_of_the_root() -> None:
    found = read_robots(b"User-Agent: *\nDisallow: *.jpg\nDisallow: img/", "ourbot", rooted=True)
    assert found.ours is not None
    assert is_disallowed(found.ours, "/x/a.jpg")
    assert is_disallowed(found.ours, "/img/a.png")
    assert not is_disallowed(found.ours, "/b.png")


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "1e400", "x", ""])
def test_a_delay_that_is_none_is_none(value: str) -> None:
    assert read_robots(f"User-agent: *\nCrawl-delay: {value}".encode(), "ourbot").crawl_delay_s == 0


def test_hostile_files_are_bounded() -> None:
    many = b"User-agent: *\n" + b"Disallow: /a\n" * (MAX_LINES + 2)
    assert read_robots(many, "ourbot").is_unreadable
    licenses = b"".join(b"License: https://a.example/%d\n" % number for number in range(100))
    assert len(read_robots(licenses, "ourbot").licenses) == MAX_LICENSES
    agents = b"User-agent: b%d\n" * 1_000 % tuple(range(1_000)) + b"Disallow: /\n" * 1_000
    assert read_robots(agents, "ourbot").says_nothing


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    found = read_robots(b"User-agent: *\n" + data, "ourbot", ("gptbot",))
    if found.ours is not None:
        is_disallowed(found.ours, "/a?b=%zz")
