"""The head of an HTTP answer: status line and fields.

In: the bytes an answer begins with. Out: where its body begins, and a `Head`. Lines end in LF, with or without CR
before it, and the first empty one ends the head, as browsers have it: LF LF or CR LF CR LF, whichever comes first.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_HEAD_BYTES = 256 << 10
"""A longer head is malformed, whatever it is made of: curl's bound is 300 KB for all fields, browsers' 256 KB."""

_EMPTY_LINE = re.compile(rb"\n\r*\n")
PROTOCOLS = (b"HTTP", b"ICY")
"""What a status line begins with, in any case. Shoutcast says the second, and browsers take it for HTTP/1.0."""
HTTP_BEGIN = re.compile(rb"[ \t\r\n]*(?=HTTP[/ \t]|ICY[ \t])", re.IGNORECASE)
"""White space before a status line."""
_STATUS_LINE = re.compile(r"(?:HTTP(?:/(\d{1,3})(?:\.(\d{1,3}))?)?|ICY)[ \t]+(\d{3})(?!\d)", re.IGNORECASE | re.ASCII)
_WHITE = " \t\r"
_LENGTH = re.compile(r"\s*(-?\d{1,18})(?![0-9A-Za-z])", re.ASCII)


class MalformedAnswer(ValueError):
    """The answer is no HTTP that can be read: asked again it would be no other."""


class NoHttp(MalformedAnswer):
    """It does not even begin like HTTP."""


def head_end(data: bytes | bytearray, begin: int = 0) -> int:
    """Return where the body begins behind the head at ``data[begin:]``, -1 when no empty line ends it (yet)."""
    found = _EMPTY_LINE.search(data, begin, begin + MAX_HEAD_BYTES)
    return found.end() if found else -1


def listed(values: Iterable[str]) -> list[str]:
    """Return the items of the lines of a field that is a list, in lower case."""
    items = [item.strip().lower() for value in values for item in value.split(",")]
    return [item for item in items if item]


@dataclass(frozen=True)
class Head:
    """What a head says."""

    status: int | None
    """None without a status line."""
    version: tuple[int, int]
    """(1, 0) when it names none."""
    fields: dict[str, list[str]]
    """Values by name in lower case, in their order; bytes as Latin-1, white space around them cut, folds undone."""
    flaw: str | None
    """What a live answer is refused for, as curl does: a line that is no field, a NUL. Of a crawl it is read anyhow."""

    def first(self, name: str) -> str:
        """Return the first value of a field, empty when it is not there."""
        return self.fields.get(name, ("",))[0]

    def listed(self, name: str) -> list[str]:
        """Return the items of a field that is a list, of all its lines, in lower case."""
        return listed(self.fields.get(name, ()))

    def length(self) -> int | None:
        """Return Content-Length, None when it is absent or negative (a length over 2 GB, badly printed).

        Equal ones count once, words behind the number do not. Raises `MalformedAnswer` when it is no number, or two.
        """
        values = self.fields.get("content-length")
        if values is None:
            return None
        lengths = set()
        for item in {item for value in values for item in value.split(",")}:
            found = _LENGTH.match(item)
            if found is None:
                raise MalformedAnswer("Content-Length is no number")
            lengths.add(int(found.group(1)))
        if len(lengths) > 1:
            raise MalformedAnswer("two different Content-Lengths")
        length = lengths.pop()
        return length if length >= 0 else None


def read_head(block: bytes) -> Head:
    """Return what the head `block` says. Nothing in it is an error here."""
    first, *lines = block.decode("latin-1").split("\n")
    found = _STATUS_LINE.match(first)
    status, version = None, (1, 0)
    if found:
        status = int(found.group(3))
        if found.group(1):
            version = (int(found.group(1)), int(found.group(2) or 0))
    else:
        lines.insert(0, first)
    fields: dict[str, list[str]] = {}
    flaw = "a NUL in the head" if b"\0" in block else None
    last: list[str] | None = None
    for line in lines:
        name, colon, value = line.partition(":")
        if line[:1] in (" ", "\t"):  # folded; before the first field it is nothing (RFC 9112, 2.2)
            if last is not None:
                last[-1] = f"{last[-1]} {line.strip(_WHITE)}".strip()
        elif colon:
            value = value.strip(_WHITE)
            name = name.rstrip().lower()
            last = fields.get(name)
            if last is None:
                last = fields[name] = [value]
            else:
                last.append(value)
        elif line.strip(_WHITE):
            flaw = flaw or "a line without a colon in the head"
    return Head(status, version, fields, flaw)
