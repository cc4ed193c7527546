"""The options of matching captions against the query list."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class MatchOptions:
    """Which queries, by which rule."""

    queries: str
    """Folder that `querygen build` made."""

    match_rule: Literal["normalised", "metaclip"] = "normalised"
    """normalised: folded words of letters, digits and marks; metaclip: the published MetaCLIP rule, bit for bit."""
