"""Where a redirect goes, as browsers have it."""

from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.download.fetch.redirects import redirect_target

PAGE = "http://a.example/x/y?q=1"
PLAIN = st.from_regex(r"(/|\.\./|\./)?[a-z0-9]{1,4}(/[a-z0-9%]{1,4})?(\?[a-z=&]{0,4})?", fullmatch=True)


@given(PLAIN)
def test_a_plain_reference_is_joined_as_the_standard_library_does(location: str) -> None:
    assert redirect_target(PAGE, location) == urljoin(PAGE, location)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://b.example/c", "https://b.example/c"),
        ("//b.example/c", "http://b.example/c"),
        (" /c d ", "http://a.example/c%20d"),
        ("/a\tb\r\nc", "http://a.example/abc"),
        ("/caf\u00e9", "http://a.example/caf%C3%A9"),
        ("/caf\udce9", "http://a.example/caf%E9"),
        ("/a%20b", "http://a.example/a%20b"),
        ("http://b\u00fccher.example/\u00fc", "http://b\u00fccher.example/%C3%BC"),
        ("", PAGE),
    ],
    ids=["whole", "host", "spaces", "line ends", "UTF-8", "Latin-1", "encoded", "IDNA", "empty"],
)
def test_what_servers_write(location: str, target: str) -> None:
    assert redirect_target(PAGE, location) == target


@pytest.mark.parametrize("location", ["http://[::1/x", "http://b\udcfc.example/"], ids=["bracket", "host of no UTF-8"])
def test_what_is_malformed_leads_nowhere(location: str) -> None:
    assert redirect_target(PAGE, location) is None


@given(st.binary(max_size=30))
def test_any_bytes_give_an_address_of_printable_characters_or_none(raw: bytes) -> None:
    target = redirect_target(PAGE, raw.decode("utf-8", "surrogateescape"))
    assert target is None or not any(ord(character) <= 0x20 or character == "\x7f" for character in target)
