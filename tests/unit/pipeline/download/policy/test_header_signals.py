"""The wishes in the head of an answer."""

import pytest
from multidict import CIMultiDict

from pipeline.download.policy.header_signals import MAX_VALUES, has_wishes, header_signals, linked_terms

DISALLOWED = ("noai", "noindex")


def rows(*fields: tuple[str, str]) -> list[str]:
    return [signal.row for signal in header_signals(CIMultiDict(fields), "ourbot", DISALLOWED)]


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("x-robots-tag", "NoAI", ["x-robots-tag=disallowed"]),
        ("X-Robots-Tag", "ourbot: noai", ["x-robots-tag=disallowed"]),
        ("X-Robots-Tag", "otherbot: noai", []),
        ("X-Robots-Tag", "nofollow", ["x-robots-tag=other"]),
        ("X-Robots-Tag", "none", ["x-robots-tag=disallowed"]),
        ("Content-Usage", "train-ai=n", ["content-usage/train-ai=n"]),
        ("content-signal", "ai-train=no", ["content-signal/ai-train=no"]),
        ("tdm-reservation", "1", ["tdm-reservation=1"]),
        ("tdm-reservation", "0, 1", ["tdm-reservation=0", "tdm-reservation=1"]),
        ("tdm-policy", "https://a.example/p", ["tdm-policy=given"]),
        ("Server", "noai", []),
    ],
)
def test_fields(name: str, value: str, wanted: list[str]) -> None:
    assert rows((name, value)) == wanted
    assert has_wishes(CIMultiDict([(name, value)])) == (name != "Server")


def test_lines_of_one_field_are_one_dictionary() -> None:
    assert rows(("Content-Usage", "train-ai=y"), ("Content-Usage", "train-ai=n")) == ["content-usage/train-ai=n"]


def test_without_disallowed_directives_the_tag_is_not_read() -> None:
    assert header_signals(CIMultiDict([("X-Robots-Tag", "noai")]), "ourbot", ()) == []


def test_floods_are_bounded_but_what_forbids_is_seen() -> None:
    flood = ", ".join(f"x{number}" for number in range(1_000)) + ", noai"
    found = rows(("X-Robots-Tag", flood))
    assert len(found) == MAX_VALUES + 1
    assert found[-1] == "x-robots-tag=disallowed"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ('<https://a.example/l.xml>; rel="license"; type="application/rsl+xml"', ["https://a.example/l.xml"]),
        ("</l.xml>; type=application/rsl+xml; rel=license", ["/l.xml"]),
        ('</l.xml>; rel="next license"; type="application/rsl+xml"', ["/l.xml"]),
        ('</l.xml>; rel="license"', []),
        ('</l.xml>; rel="license"; type="text/html"', []),
        ('</a>; rel=next, </l.xml>; rel=license; type="application/rsl+xml"', ["/l.xml"]),
        ("garbage", []),
    ],
)
def test_links_to_terms(value: str, wanted: list[str]) -> None:
    assert linked_terms(CIMultiDict([("Link", value)])) == wanted
