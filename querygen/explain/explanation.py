"""What ``querygen explain`` answers: one `Explanation` per text, and its lines on a terminal."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from schemas.printable import printable


@dataclass(frozen=True, kw_only=True)
class SourceAnswer:
    """What one source says to a text."""

    source: str
    brings: bool
    """The source brings the text to the list, as its first owner or beside others."""
    reasons: list[str]
    """Codes of why it does not; empty when it does."""
    detail: str
    """The same in words, with the numbers."""
    rank: int | None = None
    """Place in the order of the source, from 1, among the entries that could be taken."""
    of: int | None = None
    """How many could be taken."""
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Counts the answer rests on: count, n_ab, n_a, n_b, num_words, ratio, pmi, views, tag_count, synsets."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """All that is known of a text."""

    asked: str
    text: str
    """Normal form of what was asked; empty when it has no word."""
    in_list: bool
    query: dict[str, Any] | None
    """Its row of queries.parquet."""
    sources: list[SourceAnswer]
    notes: list[str]


def lines(found: Explanation) -> list[str]:
    """Return an explanation as lines of text."""
    asked = "" if found.asked == found.text else f" (asked: {printable(found.asked)!r})"
    head = f"{found.text or '(no word)'}{asked}: "
    if found.query is None:
        head += "not in the list"
    else:
        spelling, others = printable(found.query["surface"]), found.query["sources"][1:]
        head += f"in the list, query_id {found.query['query_id']:,}, {found.query['sources'][0]}"
        head += f" (also {', '.join(others)})" * bool(others) + f", surface {spelling!r}"
    told = [f"  {answer.source:<7} {'yes' if answer.brings else 'no':<4} {answer.detail}" for answer in found.sources]
    return [head, *told, *(f"  note: {note}" for note in found.notes)]


def refused(
    source: str, reason: str | list[str], detail: str | list[str], values: dict[str, Any] | None = None
) -> SourceAnswer:
    """Return the answer of a source that does not bring a text; several reasons and details are joined."""
    reasons = [reason] if isinstance(reason, str) else list(dict.fromkeys(reason))
    said = detail if isinstance(detail, str) else "; ".join(detail)
    return SourceAnswer(source=source, brings=False, reasons=reasons, detail=said, values=values or {})


def times(count: int) -> str:
    """Return a number of times in words."""
    return "once" if count == 1 else f"{count:,} times"


def number(value: Any) -> str:
    """Return a number with its thousands apart, anything else as it is."""
    return f"{value:,}" if isinstance(value, int | float) else str(value)
