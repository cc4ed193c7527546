"""Terms of RSL: usages permitted and prohibited, payment, patterns of addresses, hostile XML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.policy.rsl import MAX_RSL_BYTES, read_terms

SITE = "https://a.example"


def value(licenses: str, path: str = "/img/a.jpg", url: str = "/") -> str:
    text = f'<rsl xmlns="https://rslstandard.org/rsl"><content url="{url}">{licenses}</content></rsl>'
    terms = read_terms(text.encode())
    assert terms is not None
    return terms.of(SITE, path)


def license_of(inner: str) -> str:
    return f"<license>{inner}</license>"


@pytest.mark.parametrize(
    ("inner", "wanted"),
    [
        ('<permits type="usage">ai-train</permits>', "permitted"),
        ('<permits type="usage">all</permits><payment type="free"/>', "permitted"),
        ('<permits type="usage">search ai-train</permits><payment type="attribution"/>', "attribution"),
        ('<permits type="usage">ai-train</permits><payment type="subscription"/>', "payment"),
        ('<prohibits type="usage">ai-train</prohibits>', "prohibited"),
        ('<prohibits type="usage">all</prohibits>', "prohibited"),
        ('<prohibits type="usage">search</prohibits>', "silent"),
        ('<permits type="usage">search</permits>', "prohibited"),
        ('<permits type="usage">all</permits><prohibits type="usage">ai-train</prohibits>', "prohibited"),
        ('<permits type="usage">all</permits><permits type="geo">US</permits>', "silent"),
        ("", "silent"),
    ],
)
def test_a_license_says(inner: str, wanted: str) -> None:
    assert value(license_of(inner)) == wanted


def test_several_licenses_are_offers_and_the_best_counts() -> None:
    pay = license_of('<permits type="usage">ai-train</permits><payment type="purchase"/>')
    free = license_of('<permits type="usage">ai-train</permits>')
    assert value(pay + free) == "permitted"


@pytest.mark.parametrize(
    ("url", "path", "wanted"),
    [
        ("/img/", "/img/a.jpg", "prohibited"), ("/other/", "/img/a.jpg", "silent"),
        ("img/", "/img/a.jpg", "prohibited"),
        (f"{SITE}/img/", "/img/a.jpg", "prohibited"), ("https://b.example/", "/img/a.jpg", "silent"),
        ("/*.jpg$", "/img/a.jpg", "prohibited"), ("/*.jpg$", "/img/a.jpg?x", "silent"),
    ],
)  # fmt: skip
def test_of_which_addresses(url: str, path: str, wanted: str) -> None:
    assert value(license_of('<prohibits type="usage">all</prohibits>'), path, url) == wanted


@pytest.mark.parametrize(
    "data",
    [b"", b"<html/>", b"<rsl>", b"no xml", b'<!DOCTYPE rsl [<!ENTITY a "b">]><rsl>&a;</rsl>',
     b"<rsl/>" + b" " * MAX_RSL_BYTES,
     b'<?xml version="1.0" encoding="nonsense"?><rsl/>'],
    ids=["empty", "page", "cut", "text", "entities", "large", "encoding"],
)  # fmt: skip
def test_what_is_no_terms_is_none(data: bytes) -> None:
    assert read_terms(data) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_none(data: bytes) -> None:
    read_terms(data)
