"""TDMRep (W3C community group's final report of 2024-05-10): headers, and ``/.well-known/tdmrep.json``.

The file is a list of rules ``{"location": "/images/*", "tdm-reservation": 1, "tdm-policy": "https://..."}`` with
patterns of paths as robots.txt has them; the longest that matches holds, of equal ones all.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.download.policy.evidence import Signal, printable
from pipeline.download.policy.paths import longest, normal_path

MAX_RULES = 10_000

Rules = tuple[tuple[str, tuple[Signal, ...]], ...]
"""Normal pattern, and the signals of the rule."""


def reservation(place: str, values: Iterable[str], policies: Iterable[str]) -> Iterator[Signal]:
    """Yield the signals of values of tdm-reservation and tdm-policy."""
    for value in values:
        word = value.strip()
        yield Signal(place, "tdm-reservation", word if word in ("0", "1") else "other", printable(word))
    for policy in policies:
        yield Signal(place, "tdm-policy", "given", printable(policy.strip()))


def read_tdmrep(data: bytes) -> Rules | None:
    """Return the rules of a file, without those that have no location; None when it is no list, or of too many."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or len(found) > MAX_RULES:
        return None
    return tuple(rule for entry in found if (rule := _rule(entry)) is not None)


def _rule(entry: Any) -> tuple[str, tuple[Signal, ...]] | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("location"), str):
        return None
    reserved = entry.get("tdm-reservation")
    policy = entry.get("tdm-policy")
    signals = reservation(
        "tdmrep.json",
        [] if reserved is None else [json.dumps(reserved) if not isinstance(reserved, str) else reserved],
        [policy] if isinstance(policy, str) else [],
    )
    location = entry["location"]
    return normal_path(location if location.startswith(("/", "*")) else f"/{location}"), tuple(signals)


def of_path(rules: Rules, path: str) -> list[Signal]:
    """Return the signals for a path with its query."""
    return [signal for signals in longest(rules, path) for signal in signals]
