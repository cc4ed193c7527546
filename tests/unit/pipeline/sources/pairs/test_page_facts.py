"""What a page says of itself: its language as a primary subtag, its licence as one address."""

import numpy as np
import pytest

from pipeline.sources.pairs.page_facts import LANGUAGE, LICENSE, new_facts, take_language, take_license
from schemas.kernels.byte_scan import PADDING


def languages(*declared: str) -> str:
    texts, lengths = new_facts()
    for text in declared:
        raw = text.encode()
        take_language(np.frombuffer(raw + bytes(PADDING), dtype=np.uint8), 0, len(raw), texts, lengths)
    return bytes(texts[LANGUAGE, : lengths[LANGUAGE]]).decode()


def licence(*links: tuple[str, bool]) -> str:
    texts, lengths = new_facts()
    for text, declared in links:
        raw = text.encode()
        take_license(np.frombuffer(raw + bytes(PADDING), dtype=np.uint8), 0, len(raw), declared, texts, lengths)
    return bytes(texts[LICENSE, : lengths[LICENSE]]).decode()


@pytest.mark.parametrize(
    ("declared", "expected"),
    [("en", "en"), ("EN-us", "en"), (" de_AT ", "de"), ("gsw", "gsw"), ("en, fr", "en"), ("zh;q=1", "zh"), ("e", ""),
     ("english", ""), ("", ""), ("12", ""), ("en.utf8", "")],
)  # fmt: skip
def test_a_language_is_two_or_three_letters(declared: str, expected: str) -> None:
    assert languages(declared) == expected


def test_the_first_that_is_one_stays() -> None:
    assert languages("none", "fr", "de") == "fr"


BY = "https://creativecommons.org/licenses/by/4.0/"


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (BY, BY), ("http://www.CreativeCommons.org/licenses/by/4.0/", BY),
        ("//creativecommons.org/licenses/by/4.0/", BY),
        (f" {BY}?ref=x", BY), (f"{BY}#top", BY),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("https://creativecommons.org/", ""), ("https://creativecommons.org.example/licenses/by/4.0/", ""),
        ("/licenses/by/4.0/", ""), ("ftp://creativecommons.org/licenses/by/4.0/", ""), ("", ""),
        ("https://creativecommons.org/licenses/" + "x" * 300, ""),
    ],
    ids=range(12),
)  # fmt: skip
def test_a_licence_is_one_of_creative_commons(link: str, expected: str) -> None:
    assert licence((link, False)) == expected


def test_a_declared_licence_goes_before_one_that_is_only_linked() -> None:
    other = "https://creativecommons.org/licenses/by-nc/4.0/"
    assert licence((BY, False), (other, False)) == BY
    assert licence((BY, False), (other, True)) == other
    assert licence((other, True), (BY, False)) == other
