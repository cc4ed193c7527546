"""The query list: four ranked sources joined in the paper's order (CLIP, section 2.2) under one budget.

In: the words that reach their count, the ranked bigrams, titles and synset heads. Out: the queries in order, what
each source gave, and the thresholds reached.

    words (all)  ->  bigrams by PMI  ->  titles by views  ->  synset heads by use
    251,465          100,646             61,235               86,654              of 500,000 (MetaCLIP's reconstruction)

A budget counts queries that are new to the list. What one source leaves unused goes to the next; words beyond their
budget are kept, and taken from bigrams and titles in proportion.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from schemas.query_source import SOURCES

PROPORTIONS = {"word": 251_465, "bigram": 100_646, "title": 61_235, "synset": 86_654}
DEFAULT_SIZE = sum(PROPORTIONS.values())

NOT_OF_THE_LAST = ("text", "least_count")
"""Keys of a threshold that are no values of the last entry taken."""


@dataclass(kw_only=True)
class Query:
    """A query of the list, without its id: that is its place in the list."""

    text: str
    surface: str
    sources: list[str]
    """All sources that bring it, in the paper's order; the first owns it."""
    count: int | None = None
    pmi: float | None = None
    views: int | None = None
    synsets: list[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """One entry of a source, in the order of the source."""

    text: str
    surface: str
    count: int | None = None
    pmi: float | None = None
    views: int | None = None
    tag_count: int | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """What one source offers."""

    entries: Iterable[Ranked]
    """In the order of the source, without a repeated text; read only as far as the budget goes."""
    available: int
    """How many they are."""


@dataclass(frozen=True, kw_only=True)
class QueryList:
    """The list and how it came about."""

    queries: list[Query]
    budgets: dict[str, int]
    """Budget of each source as `--size` gives it."""
    allowed: dict[str, int]
    """Budget of each source after excess and shortfall were passed on."""
    added: dict[str, int]
    """New queries of each source."""
    available: dict[str, int]
    """Entries of each source that could be taken, known to the list already or not."""
    known: dict[str, int]
    """Entries of each source, down to its threshold, that the list had from a source before."""
    thresholds: dict[str, dict[str, Any]]
    """The last entry each source took: its text and the value it was ordered by. Bigrams are not ordered by count, so
    theirs has ``least_count`` too: the least of all it took."""
    notes: list[str] = field(default_factory=list)
    """What was moved between budgets, in words."""


def scale_budgets(size: int) -> dict[str, int]:
    """Return the budgets of `size` queries in `PROPORTIONS`; they sum to `size` (largest remainders first)."""
    shares = {source: divmod(size * part, DEFAULT_SIZE) for source, part in PROPORTIONS.items()}
    budgets = {source: whole for source, (whole, _) in shares.items()}
    by_remainder = sorted(SOURCES, key=lambda source: (-shares[source][1], SOURCES.index(source)))
    for source in by_remainder[: size - sum(budgets.values())]:
        budgets[source] += 1
    return budgets


def build_query_list(
    words: Source, bigrams: Source, titles: Source, heads: Source, budgets: dict[str, int]
) -> QueryList:
    """Join the sources; all `words` are taken."""
    allowed = dict(budgets)
    size = sum(budgets.values())
    notes = []
    excess = words.available - budgets["word"]
    if excess > 0:
        taken = _take_excess(allowed, excess)
        notes.append(
            f"{excess:,} more words than their budget of {budgets['word']:,} reach the count; taken from "
            + ", ".join(f"{source}s ({count:,})" for source, count in taken.items() if count)
        )
        if sum(taken.values()) < excess:
            notes.append(f"words alone exceed the size of {size:,}: the list is longer (--min-word-count shortens it)")
        allowed["word"] = words.available
    listed: dict[str, Query] = {}
    added, known = dict.fromkeys(SOURCES, 0), dict.fromkeys(SOURCES, 0)
    thresholds: dict[str, dict[str, Any]] = {}
    unused = 0
    sources = dict(zip(SOURCES, (words, bigrams, titles, heads), strict=True))
    for name, source in sources.items():
        if unused:
            before = SOURCES[SOURCES.index(name) - 1]
            notes.append(f"{unused:,} queries that {before}s do not fill are left to {name}s")
            allowed[name] += unused
        for entry in source.entries:
            if added[name] == allowed[name]:
                break
            query = listed.get(entry.text)
            if query is None:
                query = listed[entry.text] = Query(text=entry.text, surface=entry.surface, sources=[])
                added[name] += 1
            else:
                known[name] += 1
            query.sources.append(name)
            query.count = entry.count if query.count is None else query.count
            query.pmi = entry.pmi if entry.pmi is not None else query.pmi
            query.views = entry.views if entry.views is not None else query.views
            thresholds[name] = _threshold(name, entry, thresholds.get(name))
        unused = allowed[name] - added[name]
    if unused:
        notes.append(f"the sources hold {unused:,} queries less than the size of {size:,}: the list is shorter")
    return QueryList(
        queries=list(listed.values()), budgets=budgets, allowed=allowed, added=added,
        available={name: source.available for name, source in sources.items()}, known=known, thresholds=thresholds,
        notes=notes,
    )  # fmt: skip


def _take_excess(allowed: dict[str, int], excess: int) -> dict[str, int]:
    """Take `excess` from the bigram and title budgets in proportion, then from synsets; return what was taken."""
    room = allowed["bigram"] + allowed["title"]
    from_both = min(excess, room)
    from_bigrams = from_both * allowed["bigram"] // room if room else 0
    taken = {"bigram": from_bigrams, "title": from_both - from_bigrams}
    taken["synset"] = min(excess - from_both, allowed["synset"])
    for source, count in taken.items():
        allowed[source] -= count
    return taken


def _threshold(source: str, entry: Ranked, before: dict[str, Any] | None) -> dict[str, Any]:
    values: dict[str, Any] = {"text": entry.text}
    if source in ("word", "bigram"):
        values["count"] = entry.count
    if source == "bigram":
        values["pmi"] = None if entry.pmi is None else round(entry.pmi, 4)
        known = [count for count in (entry.count, (before or {}).get("least_count")) if count is not None]
        values["least_count"] = min(known, default=None)
    if source == "title":
        values["views"] = entry.views
    if source == "synset":
        values["tag_count"] = entry.tag_count
    return values


def overlap(queries: list[Query]) -> dict[str, dict[str, int]]:
    """Return how many queries of the list each pair of sources brings; the diagonal is the source's own number."""
    matrix = {first: dict.fromkeys(SOURCES, 0) for first in SOURCES}
    for query in queries:
        for first in query.sources:
            for second in query.sources:
                matrix[first][second] += 1
    return matrix
