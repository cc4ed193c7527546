"""The wishes in the head of an answer: its fields in; signals, and addresses of terms (RSL), out."""

import re
from collections.abc import Sequence
from typing import Protocol

from pipeline.download.policy.evidence import Signal, printable
from pipeline.download.policy.robots import MAX_LICENSES
from pipeline.download.policy.robots_tag import directives
from pipeline.download.policy.tdmrep import reservation
from pipeline.download.policy.usage import content_signal, content_usage

NAMES = ("X-Robots-Tag", "Content-Usage", "Content-Signal", "tdm-reservation", "tdm-policy", "Link")
MAX_VALUES = 32
"""Of a field, and directives of X-Robots-Tag that are kept: a flood of them is no reason for a large table."""

_NONE = "none"
"""Of X-Robots-Tag, as Google documents it: noindex and nofollow."""

_LINK = re.compile(r"<([^<>]*)>([^<>]*)")
_RELATION = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]*))", re.IGNORECASE)
_RSL_TYPE = re.compile(r";\s*type\s*=\s*\"?application/rsl\+xml\"?\s*(?:[;,]|$)", re.IGNORECASE)


class Fields(Protocol):
    """Fields of a head by name in any case, as aiohttp has them."""

    def __contains__(self, name: object, /) -> bool: ...
    def getall(self, name: str, default: list[str], /) -> list[str]: ...


def has_wishes(fields: Fields) -> bool:
    return any(name in fields for name in NAMES)


def header_signals(fields: Fields, agent: str, disallowed: Sequence[str]) -> list[Signal]:
    """Return the signals of a head for `agent` (lower case); of X-Robots-Tag none when nothing is `disallowed`."""
    found: dict[Signal, None] = {}
    wanted = {directive.strip().lower() for directive in disallowed}
    if wanted:
        others = 0
        for directive in directives(fields.getall("X-Robots-Tag", []), agent):
            is_wanted = directive in wanted or (directive == _NONE and "noindex" in wanted)
            others += not is_wanted
            if is_wanted or others <= MAX_VALUES:
                word = "disallowed" if is_wanted else "other"
                found[Signal("header", "x-robots-tag", word, printable(directive))] = None
    usages = fields.getall("Content-Usage", [])
    if usages:
        found.update(dict.fromkeys(content_usage("header", ", ".join(usages))))
    for value in fields.getall("Content-Signal", [])[:MAX_VALUES]:
        found.update(dict.fromkeys(content_signal("header", value)))
    reserved = fields.getall("tdm-reservation", [])
    policies = fields.getall("tdm-policy", [])[:MAX_VALUES]
    words = [word for value in reserved for word in value.split(",")]
    found.update(dict.fromkeys(reservation("header", dict.fromkeys(words), policies)))
    return list(found)


def linked_terms(fields: Fields) -> list[str]:
    """Return the targets of Link fields with relation license and type application/rsl+xml, as they stand."""
    found: dict[str, None] = {}
    for value in fields.getall("Link", [])[:MAX_VALUES]:
        for link in _LINK.finditer(value):
            relation = _RELATION.search(link[2])
            names = (relation[1] or relation[2] or "").lower().split() if relation else []
            if "license" in names and _RSL_TYPE.search(link[2].rstrip(" ,") or ""):
                found[link[1].strip()] = None
    return list(found)[:MAX_LICENSES]
