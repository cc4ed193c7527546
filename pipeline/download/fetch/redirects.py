"""Where a redirect goes: the address that a ``Location`` field means.

In: the URL that was asked for, and the field's value. Out: the next URL, byte for byte as the server wrote it as far as
it is one, or nothing.
"""

from urllib.parse import urljoin, urlsplit

from pipeline.http_answers.raw_address import percent_encoded

REDIRECTS = (300, 301, 302, 303, 307, 308)
"""Statuses that are followed when they come with a Location. Asked for is always with GET."""

_EDGES = bytes(range(0x21))


def redirect_target(url: str, location: str) -> str | None:
    """Return the URL that `location` means on the page `url`, None when it is malformed.

    `location` holds bytes that are no UTF-8 as surrogates. As browsers have it, spaces and all that is not ASCII are
    percent-encoded as they stand, line ends and tabs left out; a host name beyond ASCII stays, for IDNA.
    """
    raw = location.encode("utf-8", "surrogateescape").strip(_EDGES).translate(None, b"\t\r\n")
    encoded = percent_encoded(raw)
    try:
        target = urljoin(url, encoded)
        host = urlsplit(target).netloc
        if "%" in host:
            text = raw.decode("utf-8")
            target = urljoin(url, encoded.replace(host, urlsplit(urljoin(url, text)).netloc, 1))
    except ValueError:  # brackets, bytes of a host name that are no UTF-8
        return None
    return target
