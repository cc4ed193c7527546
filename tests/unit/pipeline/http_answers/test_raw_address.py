"""Any bytes become ASCII that means the same bytes, and ASCII stays as it stands."""

import string
from urllib.parse import unquote_to_bytes

from hypothesis import given
from hypothesis import strategies as st

from pipeline.http_answers.raw_address import percent_encoded

PRINTABLE = "".join(sorted(set(string.printable) - set(string.whitespace)))


@given(st.binary(max_size=40))
def test_the_bytes_are_the_same(address: bytes) -> None:
    found = percent_encoded(address)
    assert found.isascii()
    assert not set(found) - set(PRINTABLE)
    assert unquote_to_bytes(found) == unquote_to_bytes(address)
    assert percent_encoded(found.encode()) == found


@given(st.text(PRINTABLE, max_size=40))
def test_printable_ascii_stays(address: str) -> None:
    assert percent_encoded(address.encode()) == address
