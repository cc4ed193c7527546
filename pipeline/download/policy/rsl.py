"""Terms of RSL 1.0 (2025-12-10): an XML file in; what it says of training on an address out: a value of signal ``rsl``.

::

    <rsl><content url="/images/"><license>
      <permits type="usage">search</permits> <prohibits type="usage">ai-train</prohibits> <payment type="free"/>
    </license></content></rsl>

``url`` is a pattern of paths, or an absolute one of one site; the longest that matches holds. Several licences are
offers: the best one counts. Elements are known by their names, in whatever namespace.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from pipeline.download.policy.paths import longest, normal_path

MAX_RSL_BYTES = 256 << 10
MAX_CONTENTS = 1_000
_TRAINING = frozenset({"all", "ai-all", "ai-train", "train-ai"})
_BEST_FIRST = ("permitted", "attribution", "silent", "payment", "prohibited")


@dataclass(frozen=True)
class Terms:
    """By site (None: wherever the file is named) the patterns with what holds for them."""

    contents: tuple[tuple[str | None, str, str], ...]

    def of(self, origin: str, path: str) -> str:
        """Return the value of signal ``rsl`` for the address `path` (with query) of a site."""
        rules = [(pattern, value) for site, pattern, value in self.contents if site in (None, origin)]
        found = longest(rules, path)
        return max(found, key=_BEST_FIRST.index) if found else "silent"


def parsed_xml(data: bytes) -> Any | None:
    """Return the root of an XML text without document type, None when it is none."""
    try:
        return fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None


def read_terms(data: bytes) -> Terms | None:
    """Return the terms of a file, None when it is no RSL that can be read."""
    root = parsed_xml(data) if len(data) <= MAX_RSL_BYTES else None
    if root is None or _name(root) != "rsl":
        return None
    contents = [element for element in root if _name(element) == "content"]
    if len(contents) > MAX_CONTENTS:
        return None
    return Terms(tuple(_content(element) for element in contents))


def _content(element: Any) -> tuple[str | None, str, str]:
    found = [_license(child) for child in element if _name(child) == "license"]
    value = min(found, key=_BEST_FIRST.index) if found else "silent"
    address = (element.get("url") or "/").strip()
    site = None
    if "://" in address:
        try:
            parts = urlsplit(address)
        except ValueError:
            return "", "/", value  # of no site
        site = f"{parts.scheme}://{parts.netloc}".lower()
        address = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return site, normal_path(address if address.startswith(("/", "*")) else f"/{address}"), value


def _license(element: Any) -> str:
    permitted = list(_usages(element, "permits"))
    if any(_TRAINING & words for words in _usages(element, "prohibits")):
        return "prohibited"
    if permitted and not any(_TRAINING & words for words in permitted):
        return "prohibited"
    kinds = [(child.get("type") or "").strip().lower() for child in element if _name(child) == "payment"]
    if any(kind not in ("free", "attribution") for kind in kinds):
        return "payment"
    if not permitted or _is_narrowed(element):
        return "silent"
    return "attribution" if "attribution" in kinds else "permitted"


def _usages(element: Any, name: str) -> Iterator[frozenset[str]]:
    for child in element:
        if _name(child) == name and (child.get("type") or "usage").strip().lower() == "usage":
            yield frozenset((child.text or "").replace(",", " ").lower().split())


def _is_narrowed(element: Any) -> bool:
    """Tell whether it is for some users or countries only, which is not judged here."""
    return any(
        _name(child) in ("permits", "prohibits") and (child.get("type") or "usage").strip().lower() != "usage"
        for child in element
    )


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2].lower()
