"""X-Robots-Tag, against img2dataset's own check where the header names one agent at most."""

import os
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # its import would ask the network

from img2dataset.downloader import is_disallowed

from pipeline.download.policy.header_signals import NAMES
from pipeline.download.policy.robots_tag import is_opted_out

DISALLOWED = {"noai", "noimageai", "noindex", "noimageindex"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], False),
        (["noai"], True),
        (["NoAI , nofollow"], True),
        (["nofollow"], False),
        (["nofollow", "noindex"], True),
        (["webimagetext: noai"], True),
        (["otherbot: noai"], False),
        (["otherbot: nofollow, webimagetext: noindex"], True),
        (["webimagetext: nofollow, otherbot: noindex, noai"], False),
        (["unavailable_after: 25 Jun 2010 15:00:00 PST, noai"], True),
        (["unavailable_after: Sat, 25 Jun 2030 15:00:00 GMT, noai"], True),
        (["unavailable_after: Friday, 25-Jun-30 15:00:00 UTC, noindex"], True),
        ([":,,::"], False),
    ],
)
def test_directives(values: list[str], expected: bool) -> None:
    assert is_opted_out(values, "webimagetext", DISALLOWED) is expected


def test_nothing_disallowed_ignores_the_header() -> None:
    assert not is_opted_out(["noai"], "webimagetext", ())


@given(
    st.sampled_from(["", "webimagetext: ", "otherbot:"]),
    st.lists(st.sampled_from(["noai", "noindex", "nofollow", " NOAI ", "all", ""]), max_size=4),
)
def test_as_img2dataset_for_one_agent(agent: str, directives: list[str]) -> None:
    headers = Message()
    value = agent + ",".join(directives)
    headers["X-Robots-Tag"] = value
    assert is_opted_out([value], "webimagetext", DISALLOWED) is is_disallowed(headers, "webimagetext", DISALLOWED)


def test_the_readme_names_what_is_read() -> None:
    readme = " ".join((Path(__file__).parents[5] / "pipeline/README.md").read_text().split())
    start = readme.index("Machine-readable wishes of publishers")
    said = readme[start : readme.index("`policy_rule`", start)]
    for name in ("robots.txt", "ai.txt", "tdmrep.json", *(f"`{name}`" for name in NAMES)):
        assert name in said
