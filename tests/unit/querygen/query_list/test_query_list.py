"""The query list: order, budgets, what is moved between them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.query_list.query_list import (
    DEFAULT_SIZE,
    PROPORTIONS,
    QueryList,
    Ranked,
    Source,
    build_query_list,
    overlap,
    scale_budgets,
)
from schemas.query_source import SOURCES


def ranked(prefix: str, number: int) -> list[Ranked]:
    return [Ranked(text=f"{prefix}{i}", surface=f"{prefix.upper()}{i}", count=number - i) for i in range(number)]


def build(*sources: list[Ranked], size: int) -> QueryList:
    return build_query_list(
        *(Source(entries=iter(entries), available=len(entries)) for entries in sources), scale_budgets(size)
    )


def test_default_budgets_are_the_published_ones() -> None:
    assert DEFAULT_SIZE == 500_000
    assert scale_budgets(DEFAULT_SIZE) == PROPORTIONS


@given(st.integers(1, 10**7))
def test_budgets_sum_to_the_size(size: int) -> None:
    budgets = scale_budgets(size)
    assert sum(budgets.values()) == size
    for source, budget in budgets.items():
        assert abs(budget - size * PROPORTIONS[source] / DEFAULT_SIZE) < 1


def test_full_sources_fill_their_budgets() -> None:
    size = 1000
    budgets = scale_budgets(size)
    found = build(
        ranked("w", budgets["word"]), ranked("b", 900), ranked("t", 900), ranked("s", 900), size=size
    )  # fmt: skip
    assert found.added == budgets
    assert found.notes == []
    assert [query.sources[0] for query in found.queries] == [s for s in SOURCES for _ in range(budgets[s])]
    assert found.thresholds["bigram"]["text"] == f"b{budgets['bigram'] - 1}"
    assert found.available == {"word": budgets["word"], "bigram": 900, "title": 900, "synset": 900}


def test_bigrams_tell_the_count_of_the_last_by_pmi_and_the_least_of_all() -> None:
    bigrams = [Ranked(text=f"b{n}", surface=f"b{n}", count=n, pmi=9.0 - i) for i, n in enumerate((30, 12, 16, 5))]
    budgets = {"word": 0, "bigram": 3, "title": 0, "synset": 0}
    sources = [Source(entries=iter(entries), available=len(entries)) for entries in ([], bigrams, [], [])]
    found = build_query_list(*sources, budgets)
    assert found.thresholds["bigram"] == {"text": "b16", "count": 16, "pmi": 7.0, "least_count": 12}


def test_excess_of_words_is_taken_from_bigrams_and_titles_in_proportion() -> None:
    size = 1000
    budgets = scale_budgets(size)
    found = build(
        ranked("w", budgets["word"] + 100), ranked("b", 900), ranked("t", 900), ranked("s", 900), size=size
    )  # fmt: skip
    assert found.added["word"] == budgets["word"] + 100
    assert found.added["synset"] == budgets["synset"]
    assert found.added["bigram"] == budgets["bigram"] - 100 * budgets["bigram"] // (
        budgets["bigram"] + budgets["title"]
    )
    assert sum(found.added.values()) == size
    assert len(found.notes) == 1


def test_words_are_never_cut() -> None:
    found = build(ranked("w", 150), ranked("b", 9), ranked("t", 9), ranked("s", 9), size=100)
    assert found.added == {"word": 150, "bigram": 0, "title": 0, "synset": 0}
    assert "longer" in found.notes[-1]


def test_shortfall_goes_to_the_next_source() -> None:
    found = build(ranked("w", 10), ranked("b", 20), ranked("t", 5), ranked("s", 900), size=1000)
    assert found.added == {"word": 10, "bigram": 20, "title": 5, "synset": 900}
    assert len(found.notes) == 4
    found = build(ranked("w", 10), ranked("b", 900), ranked("t", 900), ranked("s", 900), size=1000)
    assert found.added["bigram"] == scale_budgets(1000)["bigram"] + scale_budgets(1000)["word"] - 10
    assert sum(found.added.values()) == 1000


def test_budgets_count_new_queries_and_sources_list_all() -> None:
    words = [Ranked(text=text, surface=text, count=9) for text in ("dog", "cat")]
    titles = [Ranked(text=text, surface=text.title(), views=5) for text in ("dog", "new york", "rome")]
    heads = [Ranked(text=text, surface=text, tag_count=1) for text in ("cat", "rome", "wolf")]
    bigrams = [Ranked(text="new york", surface="New York", count=3, pmi=7.5)]
    found = build(words, bigrams, titles, heads, size=5)
    assert {query.text: query.sources for query in found.queries} == {
        "dog": ["word", "title"], "cat": ["word", "synset"], "new york": ["bigram", "title"],
        "rome": ["title", "synset"], "wolf": ["synset"],
    }  # fmt: skip
    york = found.queries[2]
    assert (york.surface, york.count, york.pmi, york.views) == ("New York", 3, 7.5, 5)
    matrix = overlap(found.queries)
    assert matrix["title"] == {"word": 1, "bigram": 1, "title": 3, "synset": 1}


TEXTS = st.lists(st.integers(0, 40).map(lambda i: f"x{i}"), unique=True, max_size=30)


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS, TEXTS, TEXTS, st.integers(1, 60))
def test_laws(words: list[str], bigrams: list[str], titles: list[str], heads: list[str], size: int) -> None:
    lists = [[Ranked(text=text, surface=text) for text in source] for source in (words, bigrams, titles, heads)]
    found = build(*lists, size=size)
    texts = [query.text for query in found.queries]
    assert len(texts) == len(set(texts)) == sum(found.added.values())
    assert texts[: len(words)] == words
    union = len({text for source in lists for text in (entry.text for entry in source)})
    assert len(texts) <= max(size, len(words))
    if not found.notes:
        assert len(texts) == size
    for source, entries in zip(SOURCES, lists, strict=True):
        mine = [query for query in found.queries if source in query.sources]
        # what a source brings is a head of its ranking
        assert {query.text for query in mine} == {entry.text for entry in entries[: len(mine)]}
        assert found.added[source] == sum(query.sources[0] == source for query in found.queries)
    assert len(texts) <= union


@pytest.mark.parametrize("size", [1, 2, 3])
def test_tiny_sizes(size: int) -> None:
    found = build([], ranked("b", 9), ranked("t", 9), ranked("s", 9), size=size)
    assert len(found.queries) == size
