"""Addresses as servers and crawlers wrote them: bytes in, in any encoding; ASCII out."""

from urllib.parse import quote_from_bytes

_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


def percent_encoded(address: bytes) -> str:
    """Return `address` with all that is no printable ASCII percent-encoded byte by byte; the rest stays as it is."""
    return quote_from_bytes(address, safe=_PRINTABLE)
