"""Counts: equal to a naive count, whatever the batches."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen import ngrams
from querygen.ngrams import NgramCounter, fold_bigrams, fold_words
from querygen.tokens import split_tokens, token_words
from schemas.query import BIGRAM_COUNTS, WORD_COUNTS
from schemas.text import words

PIECES = st.sampled_from(
    ["the", "The", "dog", "dog's", "Dog,", "cat.", "St.", "Louis", "–", "\n", "a-b", "½", "é", "É", "!"]
)
TEXTS = st.lists(st.one_of(st.lists(PIECES, max_size=30).map(" ".join), st.text(max_size=20)), max_size=5)


def count(texts: list[str]) -> NgramCounter:
    counter = NgramCounter()
    for text in texts:
        counter.add(text)
    return counter


def naive(texts: list[str]) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
    """Return the spellings with their counts of every word and bigram, one running word at a time."""
    word_spellings: dict[str, Counter[str]] = defaultdict(Counter)
    bigram_spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for text in texts:
        for line in text.split("\n"):
            before: str | None = None
            open_end = False  # a sentence may have ended
            for token in split_tokens(line):
                found = token_words(token)
                if before is not None and open_end and not found.starts_small:
                    before = None
                if not found.surfaces:
                    before = None
                for place, surface in enumerate(found.surfaces):
                    normal = " ".join(words(surface))
                    word_spellings[normal][surface] += 1
                    if before is not None and (place == 0 or found.joined[place - 1]):
                        bigram_spellings[f"{' '.join(words(before))} {normal}"][f"{before} {surface}"] += 1
                    before = surface
                open_end = found.ends_sentence
    return word_spellings, bigram_spellings


def rows(spellings: dict[str, Counter[str]], min_count: int = 1) -> list[tuple[str, str, int]]:
    made = []
    for text, counts in spellings.items():
        best = min(counts, key=lambda surface: (-counts[surface], surface))
        if sum(counts.values()) >= min_count:
            made.append((text, best, sum(counts.values())))
    return sorted(made, key=lambda row: (-row[2], row[0]))


@settings(max_examples=200, deadline=None)
@given(TEXTS)
@pytest.mark.parametrize("pending", [0, 3, ngrams.MAX_PENDING])
def test_counts_equal_a_naive_count(pending: int, texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngrams, "MAX_PENDING", pending)
        patch.setattr(ngrams, "MAX_UNMERGED_ROWS", pending)
        word_surfaces, bigram_surfaces = count(texts).finish()
    wanted_words, wanted_bigrams = naive(texts)
    found = fold_words(word_surfaces)
    assert found.schema == WORD_COUNTS
    assert [tuple(row.values()) for row in found.to_pylist()] == rows(wanted_words)
    bigrams = fold_bigrams(bigram_surfaces, found, 2)
    assert bigrams.schema == BIGRAM_COUNTS
    assert [tuple(row.values())[:3] for row in bigrams.to_pylist()] == rows(wanted_bigrams, 2)
    totals = {text: total for text, _, total in rows(wanted_words)}
    for row in bigrams.to_pylist():
        first, second = row["text"].split(" ")
        assert (row["first_count"], row["second_count"]) == (totals[first], totals[second])


def test_no_bigram_crosses_a_boundary() -> None:
    texts = ["red dog. Blue cat\ngreen bird – white cow", "St. Louis", "end", "start"]
    words_found, bigrams = count(texts).finish()
    listed = fold_bigrams(bigrams, fold_words(words_found), 1)["text"].to_pylist()
    assert sorted(listed) == ["blue cat", "green bird", "red dog", "st louis", "white cow"]
