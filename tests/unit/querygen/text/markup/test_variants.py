"""Language variants: the first of them is kept."""

import pytest

from tests.support.extracted import extract


@pytest.mark.parametrize(
    ("wikitext", "wanted"),
    [
        pytest.param(
            "中-{zh-hans:国;zh-hant:國}-人 -{T|zh:x}--{H|zh-cn:a;zh-tw:b}-文 -{原文}-",
            "中国人 文 原文",
            id="language variants",
        ),
        pytest.param(
            "-{zh-hans;zh-hant|字}- -{zh-cn:[[a|乙]]; zh-tw:[[a|丙]];}-丁", "字 乙丁", id="language variants of links"
        ),
        ("a -{b", "a -{b"),
        pytest.param("a -{zh:b\nc", "a -{zh:b\nc", id="open at the line's end"),
        pytest.param("-{a-{b}-c}-", "a-{bc}-", id="one in another ends both"),
        ("{b}- c", "{b}- c"),
    ],
)
def test_the_first_variant_is_kept(wikitext: str, wanted: str) -> None:
    assert extract(wikitext) == wanted
