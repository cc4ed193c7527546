"""Patterns of paths as robots.txt has them (RFC 9309, 2.2.2, 2.2.3): ``*``, ``$`` at the end, the longest match wins.

In: pairs of pattern and value, and a path with its query. Out: the values of the longest patterns that match. Time is
linear in path and pattern, whatever stands in them.
"""

import re
from collections.abc import Iterable
from typing import TypeVar
from urllib.parse import quote

Value = TypeVar("Value")

_TRIPLE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_KEPT = "".join(chr(code) for code in range(0x21, 0x7F))


def normal_path(path: str) -> str:
    """Return the path as it is compared: not ASCII is percent-encoded, unreserved characters are not."""
    if path.isascii() and "%" not in path:
        return path
    return _TRIPLE.sub(_normal_triple, quote(path, safe=_KEPT, errors="replace"))


def _normal_triple(found: "re.Match[str]") -> str:
    character = chr(int(found[1], 16))
    return character if character in _UNRESERVED else found[0].upper()


def is_match(pattern: str, path: str) -> bool:
    """Tell whether a pattern matches the begin of a path, or all of it with ``$``; both as `normal_path` has them."""
    is_whole = pattern.endswith("$")
    first, *parts = (pattern[:-1] if is_whole else pattern).split("*")
    if not path.startswith(first):
        return False
    place = len(first)
    if not parts:
        return not is_whole or place == len(path)
    for part in parts[:-1]:
        place = path.find(part, place)
        if place < 0:
            return False
        place += len(part)
    last = parts[-1]
    if is_whole:
        return len(path) - len(last) >= place and path.endswith(last)
    return path.find(last, place) >= 0


def longest(rules: Iterable[tuple[str, Value]], path: str) -> list[Value]:
    """Return the values of the longest of the `rules` (normal patterns) that match; several are of one length."""
    found: list[Value] = []
    wanted, length = normal_path(path), -1
    for pattern, value in rules:
        if len(pattern) >= length and is_match(pattern, wanted):
            if len(pattern) > length:
                found, length = [], len(pattern)
            found.append(value)
    return found
